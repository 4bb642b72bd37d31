namespace Cilium.Ipam;

/// <summary>How many addresses a node has ready beyond those in use, where addresses are bought one by one from a cloud (mode <c>eni</c>).</summary>
/// <remarks>Names and formulas are upstream's (<c>Documentation/network/concepts/ipam/eni.rst</c>).</remarks>
public sealed record AddressWatermarks
{
    /// <summary>Free addresses to keep.</summary>
    public int PreAllocate { get; init; } = 8;

    /// <summary>Addresses that the node has at least, used or not.</summary>
    public int MinAllocate { get; init; }

    /// <summary>Addresses that the node has at most; 0 for no limit.</summary>
    public int MaxAllocate { get; init; }

    /// <summary>Free addresses beyond the others that are not given back.</summary>
    public int MaxAboveWatermark { get; init; }

    /// <summary>How many addresses a node is short of.</summary>
    /// <param name="available">Addresses that it has, used ones included.</param>
    /// <param name="used">Addresses in use.</param>
    public int Needed(int available, int used)
    {
        var needed = Math.Max(PreAllocate - (available - used), MinAllocate - available);
        if (MaxAllocate > 0)
        {
            needed = Math.Min(needed, MaxAllocate - available);
        }

        return Math.Max(needed, 0);
    }

    /// <summary>How many addresses a node has too many of. After they are gone it is short of none.</summary>
    /// <param name="available">Addresses that it has, used ones included.</param>
    /// <param name="used">Addresses in use.</param>
    public int Excess(int available, int used)
    {
        var upper = MinAllocate + MaxAboveWatermark;
        return available <= upper ? 0
            : used + PreAllocate <= upper ? available - upper
            : Math.Max(available - used - PreAllocate - MaxAboveWatermark, 0);
    }
}
