namespace Cilium.Bpf.InProcess;

/// <summary>Routes and neighbours of a network namespace, as <c>bpf_fib_lookup</c> asks for them.</summary>
public interface IBpfRouting
{
    /// <summary>Answers a query and writes what is found into it.</summary>
    BpfRoutingResult Lookup(ref BpfRoutingQuery query);
}

/// <summary>A query of <c>bpf_fib_lookup</c> and its answer. Addresses as on the wire, IPv4 in the first four bytes.</summary>
public ref struct BpfRoutingQuery
{
    /// <summary>True for IPv6 addresses.</summary>
    public required bool IsIpv6 { get; init; }

    /// <summary>The device: by which the packet came in, or shall leave with <see cref="IsForOutput"/>; afterwards the device by which it leaves.</summary>
    public required uint Ifindex { get; set; }

    /// <summary>Bytes of the network packet; zero for no check.</summary>
    public required int PacketBytes { get; init; }

    /// <summary>BPF_FIB_LOOKUP_OUTPUT.</summary>
    public required bool IsForOutput { get; init; }

    /// <summary>BPF_FIB_LOOKUP_SKIP_NEIGH: no Ethernet addresses are wanted.</summary>
    public required bool SkipsNeighbour { get; init; }

    /// <summary>BPF_FIB_LOOKUP_SRC: <see cref="Source"/> is to be filled in.</summary>
    public required bool WantsSource { get; init; }

    /// <summary>The source address.</summary>
    public required Span<byte> Source { get; init; }

    /// <summary>The destination; afterwards the next hop.</summary>
    public required Span<byte> Destination { get; init; }

    /// <summary>Answer: the Ethernet address of the device.</summary>
    public required Span<byte> SourceMac { get; init; }

    /// <summary>Answer: the Ethernet address of the next hop.</summary>
    public required Span<byte> DestinationMac { get; init; }

    /// <summary>Answer: what fits through the route, in bytes; zero where nothing was found.</summary>
    public int Mtu { get; set; }
}

/// <summary>Outcomes of <c>bpf_fib_lookup</c>, by the kernel's numbers (BPF_FIB_LKUP_RET_*).</summary>
public enum BpfRoutingResult
{
    /// <summary>Found.</summary>
    Success = 0,
    /// <summary>A route that swallows.</summary>
    Blackhole = 1,
    /// <summary>No route.</summary>
    Unreachable = 2,
    /// <summary>A route that prohibits.</summary>
    Prohibited = 3,
    /// <summary>The packet is not to be forwarded: it is for this host, or not for routing.</summary>
    NotForwarded = 4,
    /// <summary>The device does not forward.</summary>
    ForwardingDisabled = 5,
    /// <summary>The route needs an encapsulation.</summary>
    UnsupportedEncapsulation = 6,
    /// <summary>The next hop's Ethernet address is not known.</summary>
    NoNeighbour = 7,
    /// <summary>Longer than the MTU.</summary>
    FragmentationNeeded = 8,
    /// <summary>No source address.</summary>
    NoSourceAddress = 9,
}
