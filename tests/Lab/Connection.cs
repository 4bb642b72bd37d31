using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Cilium.Core;

namespace Cilium.LabTests;

/// <summary>Who spoke to whom first, as flows and frames tell it. ICMP has no ports.</summary>
public readonly record struct Connection(IpAddr Source, IpAddr Destination, L4Protocol Protocol, ushort SourcePort, ushort DestinationPort)
{
    private const int Ethernet = 14;
    private const int IPv6Header = 40;
    private const int VxlanHeaders = 16;
    private const ushort VxlanPort = 8472;

    public override string ToString() => $"{Source}:{SourcePort} -> {Destination}:{DestinationPort} {Protocol}";

    public bool IsOfSameSender(Connection other) => (Source, Protocol, SourcePort) == (other.Source, other.Protocol, other.SourcePort);

    /// <summary>Reads it from a flow of Hubble; null when the flow is none of a packet with addresses.</summary>
    public static Connection? Of(JsonNode flow)
    {
        if (!IpAddr.TryParse(flow["IP"]?["source"]?.ToString(), out var source) || !IpAddr.TryParse(flow["IP"]?["destination"]?.ToString(), out var destination)) return null;
        foreach (var (name, protocol) in new[] { ("TCP", L4Protocol.Tcp), ("UDP", L4Protocol.Udp), ("SCTP", L4Protocol.Sctp) })
        {
            if (flow["l4"]?[name] is { } ports) return new Connection(source, destination, protocol, Port(ports["source_port"]), Port(ports["destination_port"]));
        }

        if (flow["l4"]?["ICMPv4"] is not null) return new Connection(source, destination, L4Protocol.Icmp, 0, 0);
        return flow["l4"]?["ICMPv6"] is not null ? new Connection(source, destination, L4Protocol.IcmpV6, 0, 0) : null;
    }

    /// <summary>Reads it from a frame, or from the frame inside when it is tunnelled; null for what is not IP, or a later fragment.</summary>
    public static Connection? Of(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < Ethernet + 1) return null;
        var ip = frame[Ethernet..];
        var (header, protocol) = (ip[0] >> 4) switch
        {
            4 when ip.Length >= 20 && (BinaryPrimitives.ReadUInt16BigEndian(ip[6..]) & 0x1FFF) == 0 => ((ip[0] & 0xF) * 4, (L4Protocol)ip[9]),
            6 when ip.Length >= IPv6Header => (IPv6Header, (L4Protocol)ip[6]),
            _ => (0, default),
        };
        if (header == 0 || ip.Length < header + 8) return null;
        var (source, destination) = header == IPv6Header && ip[0] >> 4 == 6
            ? (IpAddr.FromNetworkBytes(ip[8..24]), IpAddr.FromNetworkBytes(ip[24..40]))
            : (IpAddr.FromNetworkBytes(ip[12..16]), IpAddr.FromNetworkBytes(ip[16..20]));
        if (protocol is L4Protocol.Icmp or L4Protocol.IcmpV6) return new Connection(source, destination, protocol, 0, 0);
        if (protocol is not (L4Protocol.Tcp or L4Protocol.Udp or L4Protocol.Sctp)) return null;
        var (from, to) = (BinaryPrimitives.ReadUInt16BigEndian(ip[header..]), BinaryPrimitives.ReadUInt16BigEndian(ip[(header + 2)..]));
        return protocol == L4Protocol.Udp && to == VxlanPort ? Of(ip[(header + VxlanHeaders)..]) : new Connection(source, destination, protocol, from, to);
    }

    private static ushort Port(JsonNode? number) => (ushort)((int?)number ?? 0);
}
