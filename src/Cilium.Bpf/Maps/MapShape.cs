namespace Cilium.Bpf;

/// <summary>What must be equal for two maps to be interchangeable: type, sizes, capacity and flags.</summary>
/// <param name="Type">The kind of map.</param>
/// <param name="KeyBytes">Bytes of a key.</param>
/// <param name="ValueBytes">Bytes of a value.</param>
/// <param name="MaxEntries">Capacity in entries; for a ring buffer in bytes.</param>
/// <param name="Flags">Creation flags, by the kernel's numbers.</param>
public readonly record struct MapShape(MapType Type, int KeyBytes, int ValueBytes, uint MaxEntries, MapFlags Flags = MapFlags.None)
{
    internal bool IsPerCpu => Type is MapType.PerCpuArray or MapType.PerCpuHash or MapType.LruPerCpuHash;

    internal bool IsHash => Type is MapType.Hash or MapType.LruHash or MapType.PerCpuHash or MapType.LruPerCpuHash or MapType.HashOfMaps;

    /// <inheritdoc/>
    public override string ToString() => $"{Type} {KeyBytes}->{ValueBytes} x{MaxEntries} flags 0x{(uint)Flags:x}";
}

/// <summary>Creation flags of maps, by the kernel's numbers.</summary>
[Flags]
public enum MapFlags
{
    /// <summary>None.</summary>
    None = 0,
    /// <summary>Entries are allocated when inserted; required for longest-prefix-match maps.</summary>
    NoPreallocation = 1,
    /// <summary>Each CPU has its own list of least recently used entries.</summary>
    NoCommonLru = 2,
    /// <summary>Programs may only read.</summary>
    ReadOnlyForPrograms = 1 << 7,
    /// <summary>An array that user space can map.</summary>
    Mmapable = 1 << 10,
    /// <summary>An inner array whose capacity may differ from the template's.</summary>
    InnerMap = 1 << 12,
}
