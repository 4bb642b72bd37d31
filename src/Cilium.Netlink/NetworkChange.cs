namespace Cilium.Netlink;

/// <summary>A change in a network namespace; exactly one of the objects is set, or none when <see cref="WasLost"/>.</summary>
public sealed record NetworkChange
{
    /// <summary>Whether the object went; otherwise it is new or changed.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>Whether changes were lost because the reader was slow: read everything anew.</summary>
    public bool WasLost { get; init; }

    /// <summary>The device.</summary>
    public Link? Link { get; init; }

    /// <summary>The address.</summary>
    public InterfaceAddress? Address { get; init; }

    /// <summary>The route.</summary>
    public Route? Route { get; init; }

    /// <summary>The neighbour.</summary>
    public Neighbour? Neighbour { get; init; }
}

/// <summary>What to watch.</summary>
[Flags]
public enum NetworkWatches
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>Devices.</summary>
    Links = 1,
    /// <summary>Addresses.</summary>
    Addresses = 2,
    /// <summary>Routes.</summary>
    Routes = 4,
    /// <summary>Neighbours.</summary>
    Neighbours = 8,
}
