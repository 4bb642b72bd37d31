using System.Buffers.Binary;
using System.Text;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>What the kernel tells about a loaded program.</summary>
public sealed record ProgramDescription
{
    private const int Bytes = 232;

    /// <summary>The kernel's id.</summary>
    public required uint Id { get; init; }

    /// <summary>The name; the kernel keeps 15 characters unless the caller knows the full one.</summary>
    public required string Name { get; init; }

    /// <summary>The kind of program.</summary>
    public required ProgramType Type { get; init; }

    /// <summary>The kernel's hash of the instructions, as eight bytes in hexadecimal.</summary>
    public required string Tag { get; init; }

    /// <summary>Bytes of verified instructions.</summary>
    public required int TranslatedBytes { get; init; }

    /// <summary>Bytes of machine code.</summary>
    public required int JitedBytes { get; init; }

    /// <summary>Instructions the verifier processed, zero where the kernel does not say (before 5.16).</summary>
    public required uint VerifiedInstructions { get; init; }

    /// <summary>Runs, counted while the kernel's statistics are on.</summary>
    public required ulong Runs { get; init; }

    /// <summary>Nanoseconds spent in runs, counted while the kernel's statistics are on.</summary>
    public required ulong RunNanoseconds { get; init; }

    /// <summary>Loaded at, in nanoseconds since boot.</summary>
    public required ulong LoadedAt { get; init; }

    /// <summary>Describes the program with a kernel id, or returns null when there is none.</summary>
    public static ProgramDescription? ReadOrNull(uint id)
    {
        var result = LibBpf.bpf_prog_get_fd_by_id(id);
        if (result == -Errno.NoEntry)
            return null;
        using var fd = BpfFd.Own(result, "bpf_prog_get_fd_by_id", $"program {id}");
        return Read(fd, null);
    }

    /// <summary>Ids of all loaded programs, in ascending order.</summary>
    public static unsafe IEnumerable<uint> Ids() => KernelIds.Walk(&LibBpf.bpf_prog_get_next_id, "bpf_prog_get_next_id");

    /// <summary>
    /// The bytes of the constants (<c>.rodata</c>) that a program of the kernel was loaded with; null when there is no such program, or it has none.
    /// </summary>
    public static unsafe byte[]? ReadConstantsOrNull(uint id)
    {
        const int countAt = 52, idsAt = 56, maximumMaps = 64;
        var result = LibBpf.bpf_prog_get_fd_by_id(id);
        if (result == -Errno.NoEntry)
            return null;
        using var fd = BpfFd.Own(result, "bpf_prog_get_fd_by_id", $"program {id}");
        var ids = stackalloc uint[maximumMaps];
        var info = stackalloc byte[Bytes];
        new Span<byte>(info, Bytes).Clear();
        *(uint*)(info + countAt) = maximumMaps;
        *(ulong*)(info + idsAt) = (ulong)ids;
        var length = (uint)Bytes;
        result = LibBpf.bpf_obj_get_info_by_fd(fd, info, &length);
        if (result < 0)
            throw new KernelException("bpf_obj_get_info_by_fd", -result, $"program {id}");
        for (var i = 0; i < Math.Min(*(uint*)(info + countAt), maximumMaps); i++)
        {
            using var map = KernelMap.OpenOrNull(ids[i]);
            if (map is null || !map.Name.EndsWith(".rodata", StringComparison.Ordinal))
                continue;
            var key = 0u;
            var value = new byte[map.Shape.ValueBytes];
            fixed (byte* p = value)
                result = map.Lookup(&key, p);
            return result == 0 ? value : throw new KernelException("bpf_map_lookup_elem", -result, map.Name);
        }
        return null;
    }

    internal static unsafe ProgramDescription Read(BpfFd fd, string? name)
    {
        Span<byte> info = stackalloc byte[Bytes];
        info.Clear();
        var length = (uint)Bytes;
        int result;
        fixed (byte* p = info)
            result = LibBpf.bpf_obj_get_info_by_fd(fd, p, &length);
        if (result < 0)
            throw new KernelException("bpf_obj_get_info_by_fd", -result, name ?? "program");
        return new ProgramDescription
        {
            Type = (ProgramType)U32(info, 0),
            Id = U32(info, 4),
            Tag = Convert.ToHexStringLower(info.Slice(8, 8)),
            JitedBytes = (int)U32(info, 16),
            TranslatedBytes = (int)U32(info, 20),
            LoadedAt = U64(info, 40),
            Name = name ?? Encoding.UTF8.GetString(info.Slice(64, 16)).TrimEnd('\0'),
            RunNanoseconds = U64(info, 192),
            Runs = U64(info, 200),
            VerifiedInstructions = U32(info, 216),
        };
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);
}
