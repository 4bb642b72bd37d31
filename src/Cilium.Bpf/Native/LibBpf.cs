using System.Runtime.InteropServices;

namespace Cilium.Bpf.Native;

/// <summary>The calls of libbpf 1.x, one to one: an int result below zero is a negated errno.</summary>
internal static unsafe partial class LibBpf
{
    private const string Lib = "libbpf.so.1";

    [StructLayout(LayoutKind.Sequential)]
    internal struct ObjectOpenOptions
    {
        public nuint Size;
        public byte* ObjectName;
        public nuint RelaxedMaps;
        public byte* PinRootPath;
        public ulong Reserved;
        public byte* Kconfig;
        public byte* BtfCustomPath;
        public byte* KernelLogBuffer;
        public nuint KernelLogSize;
        public ulong KernelLogLevel;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct MapCreateOptions
    {
        public nuint Size;
        public uint BtfFd;
        public uint BtfKeyTypeId;
        public uint BtfValueTypeId;
        public uint BtfVmlinuxValueTypeId;
        public uint InnerMapFd;
        public uint MapFlags;
        public ulong MapExtra;
        public uint NumaNode;
        public uint MapIfindex;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct BatchOptions
    {
        public nuint Size;
        public ulong ElementFlags;
        public ulong Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct TestRunOptions
    {
        public nuint Size;
        public void* DataIn;
        public void* DataOut;
        public uint DataSizeIn;
        public uint DataSizeOut;
        public void* ContextIn;
        public void* ContextOut;
        public uint ContextSizeIn;
        public uint ContextSizeOut;
        public uint ReturnValue;
        public int Repeat;
        public uint Duration;
        public uint Flags;
        public uint Cpu;
        public uint BatchSize;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct TcHook
    {
        public nuint Size;
        public int Ifindex;
        public uint AttachPoint;
        public ulong Parent;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct TcOptions
    {
        public nuint Size;
        public int ProgramFd;
        public uint Flags;
        public uint ProgramId;
        public uint Handle;
        public ulong Priority;
    }

    [LibraryImport(Lib)]
    internal static partial nint libbpf_set_print(delegate* unmanaged<int, byte*, nint, int> callback);

    [LibraryImport(Lib)]
    internal static partial nint bpf_object__open_mem(byte* buffer, nuint size, ObjectOpenOptions* options);

    [LibraryImport(Lib)]
    internal static partial int bpf_object__load(nint obj);

    [LibraryImport(Lib)]
    internal static partial void bpf_object__close(nint obj);

    [LibraryImport(Lib)]
    internal static partial nint bpf_object__btf(nint obj);

    [LibraryImport(Lib)]
    internal static partial byte* btf__raw_data(nint btf, uint* size);

    [LibraryImport(Lib)]
    internal static partial nint bpf_object__next_program(nint obj, nint program);

    [LibraryImport(Lib)]
    internal static partial nint bpf_object__next_map(nint obj, nint map);

    [LibraryImport(Lib)]
    internal static partial byte* bpf_program__name(nint program);

    [LibraryImport(Lib)]
    internal static partial byte* bpf_program__section_name(nint program);

    [LibraryImport(Lib)]
    internal static partial int bpf_program__set_autoload(nint program, byte autoload);

    [LibraryImport(Lib)]
    internal static partial uint bpf_program__type(nint program);

    [LibraryImport(Lib)]
    internal static partial uint bpf_program__expected_attach_type(nint program);

    [LibraryImport(Lib)]
    internal static partial nuint bpf_program__insn_cnt(nint program);

    [LibraryImport(Lib)]
    internal static partial int bpf_program__fd(nint program);

    [LibraryImport(Lib)]
    internal static partial byte* bpf_map__name(nint map);

    [LibraryImport(Lib)]
    internal static partial int bpf_map__fd(nint map);

    [LibraryImport(Lib)]
    internal static partial int bpf_map__reuse_fd(nint map, int fd);

    [LibraryImport(Lib)]
    internal static partial uint bpf_map__type(nint map);

    [LibraryImport(Lib)]
    internal static partial uint bpf_map__key_size(nint map);

    [LibraryImport(Lib)]
    internal static partial uint bpf_map__value_size(nint map);

    [LibraryImport(Lib)]
    internal static partial uint bpf_map__max_entries(nint map);

    [LibraryImport(Lib)]
    internal static partial int bpf_map__set_max_entries(nint map, uint maxEntries);

    [LibraryImport(Lib)]
    internal static partial uint bpf_map__map_flags(nint map);

    [LibraryImport(Lib)]
    internal static partial byte bpf_map__is_internal(nint map);

    [LibraryImport(Lib)]
    internal static partial int bpf_map__set_pin_path(nint map, byte* path);

    [LibraryImport(Lib)]
    internal static partial nint bpf_map__inner_map(nint map);

    [LibraryImport(Lib)]
    internal static partial byte* bpf_map__initial_value(nint map, nuint* size);

    [LibraryImport(Lib, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_map_create(
        uint type, string name, uint keySize, uint valueSize, uint maxEntries, MapCreateOptions* options);

    [LibraryImport(Lib)]
    internal static partial int bpf_map_update_batch(BpfFd fd, void* keys, void* values, uint* count, BatchOptions* options);

    [LibraryImport(Lib)]
    internal static partial int bpf_map_delete_batch(BpfFd fd, void* keys, uint* count, BatchOptions* options);

    [LibraryImport(Lib)]
    internal static partial int bpf_map_lookup_batch(
        BpfFd fd, void* inBatch, void* outBatch, void* keys, void* values, uint* count, BatchOptions* options);

    [LibraryImport(Lib, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_obj_pin(BpfFd fd, string path);

    [LibraryImport(Lib, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_obj_get(string path);

    [LibraryImport(Lib)]
    internal static partial int bpf_obj_get_info_by_fd(BpfFd fd, void* info, uint* length);

    [LibraryImport(Lib)]
    internal static partial int bpf_link_create(BpfFd program, int target, uint attachType, void* options);

    [LibraryImport(Lib)]
    internal static partial int bpf_link_update(BpfFd link, BpfFd program, void* options);

    [LibraryImport(Lib)]
    internal static partial int bpf_link_detach(BpfFd link);

    [LibraryImport(Lib)]
    internal static partial int bpf_prog_test_run_opts(BpfFd program, TestRunOptions* options);

    [LibraryImport(Lib)]
    internal static partial int bpf_prog_query(
        int target, uint attachType, uint queryFlags, uint* attachFlags, uint* programIds, uint* programCount);

    [LibraryImport(Lib)]
    internal static partial int bpf_prog_get_next_id(uint start, uint* next);

    [LibraryImport(Lib)]
    internal static partial int bpf_link_get_next_id(uint start, uint* next);

    [LibraryImport(Lib)]
    internal static partial int bpf_prog_get_fd_by_id(uint id);

    [LibraryImport(Lib)]
    internal static partial int bpf_map_get_fd_by_id(uint id);

    [LibraryImport(Lib)]
    internal static partial int bpf_link_get_fd_by_id(uint id);

    [LibraryImport(Lib)]
    internal static partial int bpf_tc_hook_create(TcHook* hook);

    [LibraryImport(Lib)]
    internal static partial int bpf_tc_hook_destroy(TcHook* hook);

    [LibraryImport(Lib)]
    internal static partial int bpf_tc_attach(TcHook* hook, TcOptions* options);

    [LibraryImport(Lib)]
    internal static partial int bpf_tc_query(TcHook* hook, TcOptions* options);

    [LibraryImport(Lib)]
    internal static partial int bpf_tc_detach(TcHook* hook, TcOptions* options);

    [LibraryImport(Lib)]
    internal static partial int libbpf_num_possible_cpus();

    [LibraryImport(Lib)]
    internal static partial int libbpf_probe_bpf_prog_type(uint type, void* options);

    [LibraryImport(Lib)]
    internal static partial int libbpf_probe_bpf_map_type(uint type, void* options);

    [LibraryImport(Lib)]
    internal static partial int libbpf_probe_bpf_helper(uint programType, uint helper, void* options);
}
