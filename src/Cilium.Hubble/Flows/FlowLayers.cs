using Cilium.Hubble.Packets;

namespace Cilium.Hubble.Flows;

/// <summary>Writes the headers of a parsed packet into a flow.</summary>
internal static class FlowLayers
{
    public static void Fill(Proto.Flow flow, in ParsedPacket packet)
    {
        if (packet.HasEthernet)
        {
            flow.Ethernet = new Proto.Ethernet { Source = packet.SourceMac.ToString(), Destination = packet.DestinationMac.ToString() };
        }

        if (packet.HasIp)
        {
            flow.IP = new Proto.IP
            {
                Source = packet.Source.ToString(),
                Destination = packet.Destination.ToString(),
                IpVersion = packet.IpVersion == 4 ? Proto.IPVersion.Ipv4 : Proto.IPVersion.Ipv6,
            };
        }

        flow.L4 = Layer4(packet);
#pragma warning disable CS0612 // Deprecated, but what the tools print.
        flow.Summary = PacketSummary.Of(packet);
#pragma warning restore CS0612
    }

    private static Proto.Layer4? Layer4(in ParsedPacket packet) => packet.Layer switch
    {
        PacketLayer.Tcp => new Proto.Layer4
        {
            TCP = new Proto.TCP { SourcePort = packet.SourcePort, DestinationPort = packet.DestinationPort, Flags = Flags(packet.TcpFlags) },
        },
        PacketLayer.Udp => new Proto.Layer4
        {
            UDP = new Proto.UDP { SourcePort = packet.SourcePort, DestinationPort = packet.DestinationPort },
        },
        PacketLayer.Sctp => new Proto.Layer4
        {
            SCTP = new Proto.SCTP { SourcePort = packet.SourcePort, DestinationPort = packet.DestinationPort },
        },
        PacketLayer.IcmpV4 => new Proto.Layer4 { ICMPv4 = new Proto.ICMPv4 { Type = packet.IcmpType, Code = packet.IcmpCode } },
        PacketLayer.IcmpV6 => new Proto.Layer4 { ICMPv6 = new Proto.ICMPv6 { Type = packet.IcmpType, Code = packet.IcmpCode } },
        PacketLayer.Igmp => new Proto.Layer4 { IGMP = new Proto.IGMP { Type = packet.IcmpType } },
        _ => null,
    };

    private static Proto.TCPFlags Flags(TcpFlags flags) => new()
    {
        FIN = (flags & TcpFlags.Fin) != 0,
        SYN = (flags & TcpFlags.Syn) != 0,
        RST = (flags & TcpFlags.Rst) != 0,
        PSH = (flags & TcpFlags.Psh) != 0,
        ACK = (flags & TcpFlags.Ack) != 0,
        URG = (flags & TcpFlags.Urg) != 0,
        ECE = (flags & TcpFlags.Ece) != 0,
        CWR = (flags & TcpFlags.Cwr) != 0,
        NS = (flags & TcpFlags.Ns) != 0,
    };
}
