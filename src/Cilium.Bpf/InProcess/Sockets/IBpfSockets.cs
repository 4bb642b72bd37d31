namespace Cilium.Bpf.InProcess;

/// <summary>Sockets of a network namespace, as <c>bpf_sk_lookup_tcp</c> and its kin ask for them.</summary>
public interface IBpfSockets
{
    /// <summary>The socket that a packet with these ends is for, or null.</summary>
    BpfSocket? Find(in BpfSocketQuery query);
}

/// <summary>
/// The ends of a packet (<c>struct bpf_sock_tuple</c>). An address is a number in host order, an IPv4 one as <c>::ffff:a.b.c.d</c>; ports are in host order.
/// </summary>
public readonly record struct BpfSocketQuery
{
    /// <summary>Whether it is a packet of IPv6: a socket of IPv4 does not receive one, whatever its addresses.</summary>
    public required bool IsIPv6 { get; init; }

    /// <summary>6 or 17.</summary>
    public required byte Protocol { get; init; }

    /// <summary>Who sends it.</summary>
    public required UInt128 RemoteAddress { get; init; }

    /// <summary>From which port.</summary>
    public required ushort RemotePort { get; init; }

    /// <summary>Whom it is for.</summary>
    public required UInt128 LocalAddress { get; init; }

    /// <summary>For which port.</summary>
    public required ushort LocalPort { get; init; }

    /// <summary>The device that it came by; zero for none.</summary>
    public required uint Ifindex { get; init; }

    /// <summary>The namespace that is asked, by the number that the own one has for it; -1 for the own one.</summary>
    public int NamespaceId { get; init; } = -1;

    /// <summary>A query of the own namespace.</summary>
    public BpfSocketQuery()
    {
    }
}
