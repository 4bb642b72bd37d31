namespace Cilium.Bpf.InProcess;

/// <summary>
/// A socket of TCP or UDP as lookups find it and programs read it (<c>struct bpf_sock</c>). An address is a number in host order, an IPv4 one as
/// <c>::ffff:a.b.c.d</c>; zero is any. Ports are in host order.
/// </summary>
public sealed class BpfSocket
{
    /// <summary>Family of the socket: 2 for IPv4, 10 for IPv6. One of IPv6 may have addresses of IPv4.</summary>
    public required uint Family { get; init; }

    /// <summary>Its protocol: 6 or 17.</summary>
    public required byte Protocol { get; init; }

    /// <summary>The address it is bound to; zero for any.</summary>
    public UInt128 LocalAddress { get; init; }

    /// <summary>The port it is bound to.</summary>
    public required ushort LocalPort { get; init; }

    /// <summary>The other end's address; zero when it has none.</summary>
    public UInt128 RemoteAddress { get; init; }

    /// <summary>The other end's port; zero when it has none.</summary>
    public ushort RemotePort { get; init; }

    /// <summary>How far it is. UDP sockets are <see cref="BpfSocketState.Close"/>, with another end <see cref="BpfSocketState.Established"/>.</summary>
    public BpfSocketState State { get; set; } = BpfSocketState.Close;

    /// <summary>The only device it receives from; zero for all (SO_BINDTODEVICE).</summary>
    public uint BoundIfindex { get; init; }

    /// <summary>Whether a socket of IPv6 receives no IPv4 (IPV6_V6ONLY).</summary>
    public bool IsIPv6Only { get; init; }

    /// <summary>Whether others may have the same port and address (SO_REUSEPORT).</summary>
    public bool SharesPort { get; init; }

    /// <summary>Its mark (SO_MARK).</summary>
    public uint Mark { get; set; }

    /// <summary>Its priority (SO_PRIORITY).</summary>
    public uint Priority { get; set; }

    /// <summary>The queue that it was last received on, or -1 when nobody knows.</summary>
    public int RxQueue { get; set; } = -1;

    /// <summary>Its number, under which programs store values on it.</summary>
    public ulong Cookie { get; init; }

    /// <summary>Whom a connection that is not accepted yet (<see cref="BpfSocketState.NewSynReceived"/>) is for.</summary>
    public BpfSocket? Listener { get; init; }

    /// <summary>Whether it is a connection that a listener accepted: what stands in fields for the other family differs.</summary>
    public bool WasAccepted { get; init; }

    /// <summary>What it belongs to; nobody here looks at it.</summary>
    public object? Owner { get; init; }

    /// <summary>Whether it is more than a request or the remains of a connection.</summary>
    internal bool IsFull => State is not (BpfSocketState.TimeWait or BpfSocketState.NewSynReceived);

    /// <summary>The socket that stands behind it, as far as there is one (<c>sk_to_full_sk</c>, Linux 6.18 include/net/inet_sock.h).</summary>
    internal BpfSocket? Full => State switch
    {
        BpfSocketState.NewSynReceived => Listener,
        BpfSocketState.TimeWait => null,
        _ => this,
    };
}

/// <summary>How far a socket is, by the kernel's numbers (<c>enum bpf_tcp_state</c>).</summary>
public enum BpfSocketState
{
    /// <summary>Both ends know of each other.</summary>
    Established = 1,
    /// <summary>The first segment is under way.</summary>
    SynSent = 2,
    /// <summary>The answer to a first segment is under way, from a socket that sent one itself.</summary>
    SynReceived = 3,
    /// <summary>This end has closed, the other has not heard of it.</summary>
    FinWait1 = 4,
    /// <summary>This end has closed, and the other knows.</summary>
    FinWait2 = 5,
    /// <summary>Both ends have closed; what is left waits for late segments.</summary>
    TimeWait = 6,
    /// <summary>Nothing yet, or no more; a UDP socket without another end.</summary>
    Close = 7,
    /// <summary>The other end has closed.</summary>
    CloseWait = 8,
    /// <summary>The other end has closed, then this one.</summary>
    LastAck = 9,
    /// <summary>It accepts connections.</summary>
    Listen = 10,
    /// <summary>Both ends have closed at the same time.</summary>
    Closing = 11,
    /// <summary>A request for a connection that its listener has not made a socket of.</summary>
    NewSynReceived = 12,
}
