using System.Runtime.InteropServices;

namespace Cilium.Bpf.Native;

/// <summary>
/// <c>bpf(2)</c> for one entry of a map. It goes around libbpf, whose functions for it only fill the attributes: that layer costs an
/// update or lookup 2 to 3 % (benchmarks/RESULTS.md).
/// </summary>
internal static unsafe partial class MapCall
{
    private static readonly nint s_number = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 321,
        Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64 => 280,
        Architecture.S390x => 351,
        Architecture.Ppc64le => 361,
        var other => throw new PlatformNotSupportedException($"the number of bpf(2) is not known for {other}"),
    };

    /// <summary>The commands of <c>enum bpf_cmd</c> (linux/bpf.h) for one entry.</summary>
    internal enum Command
    {
        Lookup = 1,
        Update = 2,
        Delete = 3,
        NextKey = 4,
        LookupAndDelete = 21,
    }

    /// <summary>Runs a command. Returns zero or a negated error number.</summary>
    /// <param name="command">What to do.</param>
    /// <param name="map">The map, held open meanwhile.</param>
    /// <param name="key">The key; null for the first of <see cref="Command.NextKey"/>.</param>
    /// <param name="value">The value to write or where to write it, or the next key; null for <see cref="Command.Delete"/>.</param>
    /// <param name="flags">The flags of an update.</param>
    /// <exception cref="ObjectDisposedException">The descriptor is closed.</exception>
    internal static int Run(Command command, BpfFd map, void* key, void* value, ulong flags = 0)
    {
        var isHeld = false;
        map.DangerousAddRef(ref isHeld);
        try
        {
            var entry = new Entry { Map = (uint)map.Number, Key = (ulong)key, Value = (ulong)value, Flags = flags };
            // The runtime keeps errno across its own work at the end of a call, for this reading: LibraryImport's SetLastError is made of it too.
            return syscall(s_number, (nint)command, &entry, (nuint)sizeof(Entry)) == 0 ? 0 : -Marshal.GetLastSystemError();
        }
        finally
        {
            map.DangerousRelease();
        }
    }

    [LibraryImport("libc")]
    private static partial nint syscall(nint number, nint command, Entry* entry, nuint size);

    /// <summary>The part of <c>union bpf_attr</c> for one entry.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public uint Map;
        public uint Padding;
        public ulong Key;
        public ulong Value;
        public ulong Flags;
    }
}
