using System.Globalization;
using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Hubble.Names;
using Cilium.Hubble.Packets;

namespace Cilium.Hubble.Monitor;

/// <summary>Events in the words of <c>cilium-dbg monitor</c>.</summary>
/// <param name="isNumeric">True to print identities as numbers even if they have reserved names.</param>
/// <param name="interfaceName">Names a device by its kernel index; empty if it is unknown.</param>
public sealed class MonitorText(bool isNumeric, Func<int, string> interfaceName)
{
    private const string Rule = "------------------------------------------------------------------------------";

    /// <summary>One line.</summary>
    public string Line(in MonitorMessage message)
    {
        if (message.Lost != 0)
        {
            return string.Create(CultureInfo.InvariantCulture, $"Lost {message.Lost} events");
        }

        var datapathEvent = message.Event;
        var packet = PacketParser.Parse(message.Packet.Span, datapathEvent.IsL3Device);
        var flow = string.Create(CultureInfo.InvariantCulture, $"0x{FlowHash(packet):x}");
        return datapathEvent.Type switch
        {
            DatapathEventType.Drop => string.Create(
                CultureInfo.InvariantCulture,
                $"xx drop ({DropReasons.Text(datapathEvent.SubType, datapathEvent.ExtendedError)}) flow {flow} to endpoint {datapathEvent.Destination.Value}, ")
                + string.Create(
                    CultureInfo.InvariantCulture,
                    $"ifindex {datapathEvent.InterfaceIndex}, file {EventNames.File(datapathEvent.File)}:{datapathEvent.Line}, {Identities(datapathEvent)}: {Connection(packet)}"),
            DatapathEventType.Trace => $"{TraceSummary(datapathEvent)} flow {flow} {Identities(datapathEvent)} state {State(datapathEvent)} "
                + $"ifindex {Interface(datapathEvent)} orig-ip {OriginalAddress(datapathEvent, packet)}: {Connection(packet)}",
            DatapathEventType.PolicyVerdict => Verdict(datapathEvent, flow, packet),
            DatapathEventType.TraceSock => SocketLine(datapathEvent),
            _ => $"event type {(byte)datapathEvent.Type}",
        };
    }

    /// <summary>Several lines: what the program told, then the headers of the packet.</summary>
    public string Block(in MonitorMessage message, bool withHex)
    {
        if (message.Lost != 0 || message.Event.Type == DatapathEventType.TraceSock)
        {
            return Line(message);
        }

        var datapathEvent = message.Event;
        var what = datapathEvent.Type switch
        {
            DatapathEventType.Drop => $"DROP: {datapathEvent.OriginalLength} bytes, reason {DropReasons.Text(datapathEvent.SubType, datapathEvent.ExtendedError)}",
            DatapathEventType.Trace => $"{EventNames.TracePoint(datapathEvent.SubType)}: {datapathEvent.OriginalLength} bytes "
                + $"({message.Packet.Length} captured), state {State(datapathEvent)}",
            _ => $"policy-verdict: {datapathEvent.OriginalLength} bytes, verdict {datapathEvent.Verdict}",
        };
        var packet = PacketParser.Parse(message.Packet.Span, datapathEvent.IsL3Device);
        var lines = new List<string>
        {
            Rule,
            $"FROM {datapathEvent.Source} {what}, interface {Interface(datapathEvent)}{Identities(datapathEvent)}, to endpoint {datapathEvent.Destination}",
        };
        if (packet.HasEthernet)
        {
            lines.Add($"Ethernet\t{{SrcMAC={packet.SourceMac} DstMAC={packet.DestinationMac} EthernetType=0x{packet.EtherType:x4}}}");
        }

        if (packet.HasIp)
        {
            lines.Add($"IPv{packet.IpVersion}\t{{Protocol={packet.Protocol} SrcIP={packet.Source} DstIP={packet.Destination}}}");
        }

        lines.Add($"{packet.Layer}\t{{{Connection(packet)}}}");
        if (withHex)
        {
            lines.AddRange(Hex(message.Packet.Span));
        }

        return string.Join('\n', lines);
    }

    /// <summary>The two ends of a packet with what matters of its protocol: <c>10.0.0.1:40312 -> 10.0.0.2:80 tcp SYN</c>.</summary>
    public static string Connection(in ParsedPacket packet) => packet.Layer switch
    {
        PacketLayer.Tcp => $"{Ports(packet)} tcp {PacketSummary.JoinFlags(packet.TcpFlags, ", ")}".TrimEnd(),
        PacketLayer.Udp => $"{Ports(packet)} udp",
        PacketLayer.Sctp => $"{Ports(packet)} sctp",
        PacketLayer.IcmpV4 => $"{packet.Source} -> {packet.Destination} {IcmpNames.OfIcmpV4(packet.IcmpType, packet.IcmpCode)}",
        PacketLayer.IcmpV6 => $"{packet.Source} -> {packet.Destination} {IcmpNames.OfIcmpV6(packet.IcmpType, packet.IcmpCode)}",
        PacketLayer.Ip or PacketLayer.Igmp => string.Create(CultureInfo.InvariantCulture, $"{packet.Source} -> {packet.Destination} proto {packet.Protocol}"),
        PacketLayer.Arp => $"{packet.SourceMac} -> {packet.DestinationMac} ARP",
        PacketLayer.Ethernet => string.Create(CultureInfo.InvariantCulture, $"{packet.SourceMac} -> {packet.DestinationMac} 0x{packet.EtherType:x4}"),
        _ => "[unknown]",
    };

    private static string Ports(in ParsedPacket packet) => $"{Socket(packet.Source, packet.SourcePort)} -> {Socket(packet.Destination, packet.DestinationPort)}";

    private static string Socket(IpAddr address, ushort port) =>
        address.IsIPv4 ? string.Create(CultureInfo.InvariantCulture, $"{address}:{port}") : string.Create(CultureInfo.InvariantCulture, $"[{address}]:{port}");

    // Equal for all packets of a direction, like the kernel's hash, which our events do not carry.
    private static uint FlowHash(in ParsedPacket packet)
    {
        if (!packet.HasIp)
        {
            return 0;
        }

        Span<byte> key = stackalloc byte[37];
        packet.Source.WriteNetworkBytes(key);
        packet.Destination.WriteNetworkBytes(key[16..]);
        BitConverter.TryWriteBytes(key[32..], packet.SourcePort);
        BitConverter.TryWriteBytes(key[34..], packet.DestinationPort);
        key[36] = packet.Protocol;
        var hash = 2166136261u;
        foreach (var b in key)
        {
            hash = (hash ^ b) * 16777619;
        }

        return hash;
    }

    private static string State(in DatapathEvent datapathEvent) =>
        ((datapathEvent.TraceReason & 0x80) != 0 ? "encrypted " : "") + EventNames.TraceReason(datapathEvent.TraceReason);

    private static string TraceSummary(in DatapathEvent datapathEvent) => EventNames.TracePoint(datapathEvent.SubType) switch
    {
        "to-endpoint" => $"-> endpoint {datapathEvent.Destination}",
        "from-endpoint" => $"<- endpoint {datapathEvent.Source}",
        "to-host" => $"-> host from {datapathEvent.Source}",
        var point when point.StartsWith("to-", StringComparison.Ordinal) => $"-> {point[3..]}",
        var point when point.StartsWith("from-", StringComparison.Ordinal) => $"<- {point[5..]}",
        var point => point,
    };

    private static string OriginalAddress(in DatapathEvent datapathEvent, in ParsedPacket packet) =>
        (datapathEvent.OriginalAddress, packet.HasIp) switch
        {
            ({ IsNone: false } original, _) => original.ToString(),
            (_, true) => packet.Source.ToString(),
            _ => datapathEvent.IsIPv6 ? "::" : "0.0.0.0",
        };

    private static string Verdict(in DatapathEvent datapathEvent, string flow, in ParsedPacket packet)
    {
        var isIngress = datapathEvent.Direction == TrafficDirection.Ingress;
        var remote = isIngress ? datapathEvent.SourceIdentity : datapathEvent.DestinationIdentity;
        var action = datapathEvent.Verdict switch { < 0 => "deny", > 0 => "redirect", _ => "allow" };
        return $"Policy verdict log: flow {flow} local EP ID {datapathEvent.Source}, remote ID {remote}, proto {(byte)datapathEvent.Protocol}, "
            + $"{(isIngress ? "ingress" : "egress")}, action {action}, auth: disabled, match {EventNames.MatchType(datapathEvent.MatchType)}, {Connection(packet)}";
    }

    private static string SocketLine(in DatapathEvent datapathEvent) => string.Create(
        CultureInfo.InvariantCulture,
        $"[{EventNames.SockPoint(datapathEvent.SubType)}] cgroup_id: {datapathEvent.CgroupId} sock_cookie: {datapathEvent.SocketCookie}, ")
        + string.Create(
            CultureInfo.InvariantCulture,
            $"dst [{datapathEvent.OriginalAddress}]:{datapathEvent.DestinationPort} {datapathEvent.Protocol.ToString().ToLowerInvariant()}");

    private static List<string> Hex(ReadOnlySpan<byte> bytes)
    {
        var lines = new List<string>();
        for (var at = 0; at < bytes.Length; at += 16)
        {
            var row = bytes.Slice(at, Math.Min(16, bytes.Length - at));
            var text = string.Create(CultureInfo.InvariantCulture, $"{at:x8} ");
            foreach (var b in row)
            {
                text += string.Create(CultureInfo.InvariantCulture, $" {b:x2}");
            }

            lines.Add(text);
        }

        return lines;
    }

    private string Interface(in DatapathEvent datapathEvent)
    {
        var name = interfaceName(datapathEvent.InterfaceIndex);
        return name.Length != 0 ? name : datapathEvent.InterfaceIndex.ToString(CultureInfo.InvariantCulture);
    }

    private string Identities(in DatapathEvent datapathEvent) =>
        $", identity {Name(datapathEvent.SourceIdentity)}->{Name(datapathEvent.DestinationIdentity)}";

    private string Name(Identity identity) => isNumeric ? identity.ToString() : identity.ReservedName ?? identity.ToString();
}
