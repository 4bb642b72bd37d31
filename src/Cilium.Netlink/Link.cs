using System.Net.NetworkInformation;

namespace Cilium.Netlink;

/// <summary>A network device.</summary>
public sealed record Link
{
    /// <summary>The index, unique in its namespace.</summary>
    public required int Index { get; init; }

    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The driver's kind as in "veth" and "vxlan", empty for hardware and loopback.</summary>
    public string Kind { get; init; } = "";

    /// <summary>The link-layer address, null where the device has none.</summary>
    public PhysicalAddress? Mac { get; init; }

    /// <summary>The MTU in bytes.</summary>
    public int Mtu { get; init; }

    /// <summary>Whether it is administratively up.</summary>
    public bool IsUp { get; init; }

    /// <summary>Whether it has a carrier.</summary>
    public bool HasCarrier { get; init; }

    /// <summary>The index of the peer or lower device, zero for none; in another namespace when <see cref="PeerNamespaceId"/> is set.</summary>
    public int PeerIndex { get; init; }

    /// <summary>The id of the peer's namespace, or null when it is this one.</summary>
    public int? PeerNamespaceId { get; init; }

    /// <summary>The index of the bridge it belongs to, or zero.</summary>
    public int MasterIndex { get; init; }

    /// <summary>The ARP hardware type: 1 is Ethernet, 772 loopback.</summary>
    public int HardwareType { get; init; }

    /// <summary>The port of a VXLAN device, or zero.</summary>
    public int VxlanPort { get; init; }

    /// <summary>Whether a VXLAN device takes the tunnel from each packet's metadata.</summary>
    public bool CollectsMetadata { get; init; }
}

/// <summary>What to set on a new or existing device; null leaves the kernel's choice or the present value.</summary>
public sealed record LinkSettings
{
    /// <summary>The name, at most 15 bytes.</summary>
    public string? Name { get; init; }

    /// <summary>The link-layer address.</summary>
    public PhysicalAddress? Mac { get; init; }

    /// <summary>The MTU in bytes.</summary>
    public int? Mtu { get; init; }

    /// <summary>Administratively up or down.</summary>
    public bool? IsUp { get; init; }

    /// <summary>Whether neighbours are asked for; without, each has the device's own address.</summary>
    public bool? UsesArp { get; init; }

    /// <summary>The bridge to join; zero leaves it.</summary>
    public int? MasterIndex { get; init; }

    /// <summary>The namespace to be in.</summary>
    public NetworkNamespace? Namespace { get; init; }

    /// <summary>The process whose namespace to be in.</summary>
    public int? NamespaceOfProcess { get; init; }

    /// <summary>Largest segmentation-offload packet in bytes, for IPv6 and (up to 65536) IPv4.</summary>
    public int? GsoMaxSize { get; init; }

    /// <summary>Largest receive-offload packet in bytes, for IPv6 and (up to 65536) IPv4.</summary>
    public int? GroMaxSize { get; init; }

    /// <summary>Queues in each direction, for new devices.</summary>
    public int? Queues { get; init; }
}
