using System.Runtime.InteropServices;
using Cilium.Core;

namespace Cilium.Datapath.Events;

/// <summary>The kind of a datapath event; numbers are upstream's monitor types.</summary>
public enum DatapathEventType : byte
{
    /// <summary>A packet was dropped.</summary>
    Drop = 1,

    /// <summary>A packet passed an observation point.</summary>
    Trace = 4,

    /// <summary>A policy decided on a connection.</summary>
    PolicyVerdict = 5,

    /// <summary>A socket call was translated.</summary>
    TraceSock = 7,
}

/// <summary>One decoded event, without its packet bytes. All numbers in host order.</summary>
/// <remarks>A value of fixed size, so that a ring of events is one allocation. Which members are set depends on <see cref="Type"/>.</remarks>
[StructLayout(LayoutKind.Auto)]
public readonly record struct DatapathEvent
{
    /// <summary>The kind.</summary>
    public DatapathEventType Type { get; init; }

    /// <summary>Drop: the reason. Trace: the observation point. TraceSock: the translation point (1 to 4). Numbers are upstream's.</summary>
    public byte SubType { get; init; }

    /// <summary>Nanoseconds of CLOCK_MONOTONIC at which the packet was seen.</summary>
    public ulong MonotonicNs { get; init; }

    /// <summary>The endpoint whose program saw the packet, or 0.</summary>
    public EndpointId Source { get; init; }

    /// <summary>The destination endpoint if it is local and known, or 0.</summary>
    public EndpointId Destination { get; init; }

    /// <summary>Identity of the sender. PolicyVerdict: for ingress the remote's, for egress the subject's.</summary>
    public Identity SourceIdentity { get; init; }

    /// <summary>Identity of the receiver.</summary>
    public Identity DestinationIdentity { get; init; }

    /// <summary>The device on which the packet was seen.</summary>
    public int InterfaceIndex { get; init; }

    /// <summary>Length of the packet on the wire.</summary>
    public uint OriginalLength { get; init; }

    /// <summary>Trace: upstream's trace reason (0 new, 1 established, 2 reply, 3 related, 5 unknown; 0x80 encrypted).</summary>
    public byte TraceReason { get; init; }

    /// <summary>PolicyVerdict: the direction; others: unused.</summary>
    public TrafficDirection Direction { get; init; }

    /// <summary>PolicyVerdict: 0 allowed, positive the proxy port, negative minus the drop reason.</summary>
    public int Verdict { get; init; }

    /// <summary>PolicyVerdict: upstream's match type (0 none, 1 L3-Only, 2 L3-L4, 3 L4-Only, 4 all, 5 L3-Proto, 6 Proto-Only).</summary>
    public byte MatchType { get; init; }

    /// <summary>PolicyVerdict and TraceSock: the destination port.</summary>
    public ushort DestinationPort { get; init; }

    /// <summary>PolicyVerdict and TraceSock: the protocol.</summary>
    public L4Protocol Protocol { get; init; }

    /// <summary>Drop: source line and file id of the program, and an extended error.</summary>
    public ushort Line { get; init; }

    /// <summary>Drop: file id of the program.</summary>
    public byte File { get; init; }

    /// <summary>Drop: an extended error, negative errno by habit.</summary>
    public sbyte ExtendedError { get; init; }

    /// <summary>Trace: the source address before translation, or <see cref="IpAddr.None"/>. TraceSock: the destination address.</summary>
    public IpAddr OriginalAddress { get; init; }

    /// <summary>TraceSock: the socket cookie.</summary>
    public ulong SocketCookie { get; init; }

    /// <summary>TraceSock: the id of the caller's cgroup.</summary>
    public ulong CgroupId { get; init; }

    /// <summary>TraceSock: the cookie of the caller's network namespace.</summary>
    public ulong NetnsCookie { get; init; }

    /// <summary>True when the packet is IPv6 (TraceSock: the address is).</summary>
    public bool IsIPv6 { get; init; }

    /// <summary>True when the packet has no Ethernet header (bytes begin with IP).</summary>
    public bool IsL3Device { get; init; }
}

/// <summary>Receives events from the node's ring. Called on one thread, in order.</summary>
/// <remarks>Must not block: while it runs the ring fills.</remarks>
public interface IDatapathEventSink
{
    /// <summary>One event with the first bytes of its packet, from the Ethernet header on (empty for TraceSock).</summary>
    void OnEvent(in DatapathEvent datapathEvent, ReadOnlySpan<byte> packet);

    /// <summary>Events that the programs could not store since the last call because the ring was full.</summary>
    void OnLost(ulong count);
}
