using Cilium.Hubble.Packets;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Explaining;

/// <summary>The packet at the end of its way.</summary>
/// <param name="Device">The namespace and device that received it last, or that it left by.</param>
/// <param name="Bytes">Its length, Ethernet header included.</param>
/// <param name="Headers">Its headers, one line each, from the outermost inwards; those of a tunnel before those of what is inside.</param>
/// <param name="Hex">All of it as hexadecimal digits.</param>
public sealed record LeavingPacket(string Device, int Bytes, IReadOnlyList<string> Headers, string Hex)
{
    private const int EthernetBytes = 14;
    private const int IPv6Bytes = 40;
    private const int UdpBytes = 8;
    private const int VxlanBytes = 8;

    /// <summary>Reads a frame.</summary>
    /// <param name="device">Where it was seen.</param>
    /// <param name="frame">The frame with its Ethernet header.</param>
    internal static LeavingPacket Of(VirtualInterface device, ReadOnlySpan<byte> frame)
    {
        var headers = new List<string>();
        var outer = PacketParser.Parse(frame, isL3Device: false);
        Add(headers, outer);
        if (outer.Layer == PacketLayer.Udp && device.Namespace.IsTunnelPort(outer.DestinationPort) && InnerOffset(outer, frame) is var inner && inner < frame.Length)
        {
            headers.Add($"VXLAN identity {NumberOf(frame[(inner - VxlanBytes)..])}");
            Add(headers, PacketParser.Parse(frame[inner..], isL3Device: false));
        }
        return new LeavingPacket($"{device.Namespace.Name} {device.Name}", frame.Length, headers, Convert.ToHexStringLower(frame));
    }

    private static void Add(List<string> headers, in ParsedPacket packet)
    {
        headers.Add($"Ethernet {packet.SourceMac} -> {packet.DestinationMac}");
        if (packet.HasIp)
            headers.Add($"IPv{packet.IpVersion} {packet.Source} -> {packet.Destination}");
        if (packet.HasPorts)
            headers.Add($"{packet.Layer.ToString().ToUpperInvariant()} {packet.SourcePort} -> {packet.DestinationPort}{Flags(packet)}");
        else if (packet.Layer > PacketLayer.Ip)
            headers.Add(PacketSummary.Of(packet));
        else if (packet.Layer == PacketLayer.Ip)
            headers.Add($"protocol {packet.Protocol}{(packet.IsLaterFragment ? ", a fragment that is not the first" : "")}");
    }

    private static string Flags(in ParsedPacket packet) => packet.Layer == PacketLayer.Tcp ? $" {PacketSummary.JoinFlags(packet.TcpFlags, ", ")}" : "";

    private static int InnerOffset(in ParsedPacket outer, ReadOnlySpan<byte> frame) =>
        EthernetBytes + (outer.IpVersion == 4 ? (frame[EthernetBytes] & 0xF) * 4 : IPv6Bytes) + UdpBytes + VxlanBytes;

    // RFC 7348: eight bits of flags, 24 reserved, 24 of the number, 8 reserved.
    private static uint NumberOf(ReadOnlySpan<byte> vxlan) => (uint)((vxlan[4] << 16) | (vxlan[5] << 8) | vxlan[6]);
}
