using System.Runtime.InteropServices;
using Cilium.Core;

namespace Cilium.Hubble.Packets;

/// <summary>How deep a captured packet could be read.</summary>
public enum PacketLayer : byte
{
    /// <summary>Nothing was readable.</summary>
    None = 0,

    /// <summary>An Ethernet header, and then something else than IP or ARP, or too few bytes.</summary>
    Ethernet,

    /// <summary>An ARP message for IPv4.</summary>
    Arp,

    /// <summary>An IP header without a transport header that is readable (unknown protocol, later fragment, truncated).</summary>
    Ip,

    /// <summary>TCP.</summary>
    Tcp,

    /// <summary>UDP.</summary>
    Udp,

    /// <summary>SCTP.</summary>
    Sctp,

    /// <summary>ICMP for IPv4.</summary>
    IcmpV4,

    /// <summary>ICMP for IPv6.</summary>
    IcmpV6,

    /// <summary>IGMP.</summary>
    Igmp,
}

/// <summary>The headers of one captured packet. Members above <see cref="Layer"/> are default values.</summary>
[StructLayout(LayoutKind.Auto)]
public record struct ParsedPacket
{
    /// <summary>The deepest header that was read.</summary>
    public PacketLayer Layer { get; set; }

    /// <summary>True when the capture begins with an Ethernet header.</summary>
    public bool HasEthernet { get; set; }

    /// <summary>Sender of the frame.</summary>
    public MacAddress SourceMac { get; set; }

    /// <summary>Receiver of the frame.</summary>
    public MacAddress DestinationMac { get; set; }

    /// <summary>The type of what follows the Ethernet header and its VLAN tags, host order.</summary>
    public ushort EtherType { get; set; }

    /// <summary>4, 6, or 0 without an IP header.</summary>
    public byte IpVersion { get; set; }

    /// <summary>IP source, or the sender's protocol address of ARP.</summary>
    public IpAddr Source { get; set; }

    /// <summary>IP destination, or the target's protocol address of ARP.</summary>
    public IpAddr Destination { get; set; }

    /// <summary>The transport protocol's number, after IPv6 extension headers.</summary>
    public byte Protocol { get; set; }

    /// <summary>True for a fragment that is not the first: it has no transport header.</summary>
    public bool IsLaterFragment { get; set; }

    /// <summary>Source port, host order.</summary>
    public ushort SourcePort { get; set; }

    /// <summary>Destination port, host order.</summary>
    public ushort DestinationPort { get; set; }

    /// <summary>TCP control bits.</summary>
    public TcpFlags TcpFlags { get; set; }

    /// <summary>ICMP type, or the operation of ARP.</summary>
    public byte IcmpType { get; set; }

    /// <summary>ICMP code.</summary>
    public byte IcmpCode { get; set; }

    /// <summary>True when an IP header was read.</summary>
    public readonly bool HasIp => IpVersion != 0;

    /// <summary>True when the transport has ports that were read.</summary>
    public readonly bool HasPorts => Layer is PacketLayer.Tcp or PacketLayer.Udp or PacketLayer.Sctp;
}
