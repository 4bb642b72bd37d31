namespace Cilium.Bpf;

/// <summary>Kinds of maps, by the kernel's numbers (<c>enum bpf_map_type</c>).</summary>
public enum MapType
{
    /// <summary>Unknown.</summary>
    Unspecified = 0,
    /// <summary>Hash table.</summary>
    Hash = 1,
    /// <summary>Array.</summary>
    Array = 2,
    /// <summary>Programs for tail calls.</summary>
    ProgArray = 3,
    /// <summary>Perf events.</summary>
    PerfEventArray = 4,
    /// <summary>Hash table with a value per CPU.</summary>
    PerCpuHash = 5,
    /// <summary>Array with a value per CPU.</summary>
    PerCpuArray = 6,
    /// <summary>Hash table that evicts the least recently used.</summary>
    LruHash = 9,
    /// <summary>Least recently used, with a value per CPU.</summary>
    LruPerCpuHash = 10,
    /// <summary>Longest prefix match.</summary>
    LpmTrie = 11,
    /// <summary>Array of maps.</summary>
    ArrayOfMaps = 12,
    /// <summary>Hash table of maps.</summary>
    HashOfMaps = 13,
    /// <summary>A value for each socket that a program made one for; the key is the socket's descriptor, in process its cookie.</summary>
    SkStorage = 24,
    /// <summary>Ring buffer to user space.</summary>
    RingBuffer = 27,
    /// <summary>A value for each control group that a program made one for; the key is the folder's descriptor, in process the group's id.</summary>
    CgrpStorage = 32,
}
