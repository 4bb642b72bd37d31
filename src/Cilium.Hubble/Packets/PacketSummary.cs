using System.Globalization;

namespace Cilium.Hubble.Packets;

/// <summary>One packet in a few words, as Hubble's summary field has them.</summary>
public static class PacketSummary
{
    private static readonly (TcpFlags Flag, string Name)[] FlagNames =
    [
        (TcpFlags.Syn, "SYN"), (TcpFlags.Ack, "ACK"), (TcpFlags.Rst, "RST"), (TcpFlags.Fin, "FIN"), (TcpFlags.Psh, "PSH"),
        (TcpFlags.Urg, "URG"), (TcpFlags.Ece, "ECE"), (TcpFlags.Cwr, "CWR"), (TcpFlags.Ns, "NS"),
    ];

    /// <summary>The summary, for example <c>TCP Flags: SYN, ACK</c>; empty when nothing was readable.</summary>
    public static string Of(in ParsedPacket packet) => packet.Layer switch
    {
        PacketLayer.Ethernet => "Ethernet",
        PacketLayer.Arp => "ARP",
        PacketLayer.Ip => packet.IpVersion == 4 ? "IPv4" : "IPv6",
        PacketLayer.Tcp => $"TCP Flags: {JoinFlags(packet.TcpFlags, ", ")}",
        PacketLayer.Udp => "UDP",
        PacketLayer.Sctp => "SCTP",
        PacketLayer.IcmpV4 => $"ICMPv4 {IcmpNames.OfIcmpV4(packet.IcmpType, packet.IcmpCode)}",
        PacketLayer.IcmpV6 => $"ICMPv6 {IcmpNames.OfIcmpV6(packet.IcmpType, packet.IcmpCode)}",
        PacketLayer.Igmp => string.Create(CultureInfo.InvariantCulture, $"IGMP {packet.IcmpType}"),
        _ => "",
    };

    /// <summary>The names of the set flags, in the order tools print them.</summary>
    public static string JoinFlags(TcpFlags flags, string separator) =>
        string.Join(separator, FlagNames.Where(pair => (flags & pair.Flag) != 0).Select(pair => pair.Name));
}
