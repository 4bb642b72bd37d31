using System.Text;

namespace Cilium.Bpf.Native;

/// <summary>A map of the kernel behind its descriptor.</summary>
internal sealed unsafe class KernelMap : MapBackend
{
    private const int NameBytes = 16;

    /// <summary>Takes a descriptor and asks the kernel for the map's shape.</summary>
    internal KernelMap(BpfFd fd, string? name = null)
    {
        var info = stackalloc byte[88];
        new Span<byte>(info, 88).Clear();
        var length = 88u;
        var result = LibBpf.bpf_obj_get_info_by_fd(fd, info, &length);
        if (result < 0)
        {
            fd.Dispose();
            throw new KernelException("bpf_obj_get_info_by_fd", -result, name ?? "map");
        }
        var words = (uint*)info;
        Fd = fd;
        Id = words[1];
        Shape = new MapShape((MapType)words[0], (int)words[2], (int)words[3], words[4], (MapFlags)words[5]);
        Name = name ?? Encoding.UTF8.GetString(new ReadOnlySpan<byte>(info + 24, NameBytes)).TrimEnd('\0');
        Cpus = Shape.IsPerCpu ? LibBpf.libbpf_num_possible_cpus() : 1;
    }

    internal override string Name { get; }

    internal override uint Id { get; }

    internal override MapShape Shape { get; }

    internal override int Cpus { get; }

    internal override BpfFd Fd { get; }

    internal override uint Reference => (uint)Fd.Number;

    internal static KernelMap Create(string name, MapShape shape, BpfMap? inner)
    {
        LibBpfLog.Silence();
        var options = new LibBpf.MapCreateOptions
        {
            Size = (nuint)sizeof(LibBpf.MapCreateOptions),
            MapFlags = (uint)shape.Flags,
            InnerMapFd = inner is null ? 0 : (uint)inner.Fd.Number,
        };
        var shortName = name.Length < NameBytes ? name : name[..(NameBytes - 1)];
        var fd = LibBpf.bpf_map_create(
            (uint)shape.Type, shortName, (uint)shape.KeyBytes, (uint)shape.ValueBytes, shape.MaxEntries, &options);
        GC.KeepAlive(inner);
        return new KernelMap(BpfFd.Own(fd, "bpf_map_create", $"{name} ({shape})"), name);
    }

    internal static KernelMap? OpenOrNull(uint id)
    {
        var fd = LibBpf.bpf_map_get_fd_by_id(id);
        return fd == -Errno.NoEntry ? null : new KernelMap(BpfFd.Own(fd, "bpf_map_get_fd_by_id", $"map {id}"));
    }

    internal override int Lookup(void* key, void* value) => MapCall.Run(MapCall.Command.Lookup, Fd, key, value);

    internal override int Update(void* key, void* value, ulong flags) => MapCall.Run(MapCall.Command.Update, Fd, key, value, flags);

    internal override int Delete(void* key) => MapCall.Run(MapCall.Command.Delete, Fd, key, null);

    internal override int LookupAndDelete(void* key, void* value) => MapCall.Run(MapCall.Command.LookupAndDelete, Fd, key, value);

    internal override int NextKey(void* key, void* next) => MapCall.Run(MapCall.Command.NextKey, Fd, key, next);

    internal override int UpdateBatch(void* keys, void* values, uint* count, ulong flags)
    {
        var options = Options(flags);
        return LibBpf.bpf_map_update_batch(Fd, keys, values, count, &options);
    }

    internal override int DeleteBatch(void* keys, uint* count)
    {
        var options = Options(0);
        return LibBpf.bpf_map_delete_batch(Fd, keys, count, &options);
    }

    internal override int LookupBatch(void* from, void* to, void* keys, void* values, uint* count)
    {
        var options = Options(0);
        return LibBpf.bpf_map_lookup_batch(Fd, from, to, keys, values, count, &options);
    }

    internal override MapBackend Duplicate() => new KernelMap(BpfFd.Duplicate(Fd.Number, Name), Name);

    internal override MapBackend? OpenByIdOrNull(uint id) => OpenOrNull(id);

    internal override RingMemory OpenRing() => new KernelRing(this);

    public override void Dispose() => Fd.Dispose();

    private static LibBpf.BatchOptions Options(ulong flags) =>
        new() { Size = (nuint)sizeof(LibBpf.BatchOptions), ElementFlags = flags };
}
