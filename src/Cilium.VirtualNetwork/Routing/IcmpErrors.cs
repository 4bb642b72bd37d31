using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>Tells senders why their packets did not arrive. Sources: RFC 792, RFC 1191, RFC 4443, RFC 7112.</summary>
internal static class IcmpErrors
{
    private const int QuotedIPv4 = 28;
    private const int QuotedIPv6 = 1232;

    internal static void Unreachable(VirtualNamespace ns, ReadOnlySpan<byte> frame, bool isRoute) =>
        Tell(ns, frame, (3, (byte)(isRoute ? 0 : 1)), (1, (byte)(isRoute ? 0 : 3)), 0);

    internal static void PortUnreachable(VirtualNamespace ns, ReadOnlySpan<byte> frame) => Tell(ns, frame, (3, 3), (1, 4), 0);

    internal static void HopsExhausted(VirtualNamespace ns, ReadOnlySpan<byte> frame) => Tell(ns, frame, (11, 0), (3, 0), 0);

    internal static void ReassemblyExpired(VirtualNamespace ns, ReadOnlySpan<byte> frame) => Tell(ns, frame, (11, 1), (3, 1), 0);

    internal static void TooBig(VirtualNamespace ns, ReadOnlySpan<byte> frame, int fittingBytes) => Tell(ns, frame, (3, 4), (2, 0), (uint)fittingBytes);

    /// <summary>A fragment of IPv6 whose header makes no sense at a byte, or which lacks headers that the first one has to have.</summary>
    internal static void BadFragment(VirtualNamespace ns, ReadOnlySpan<byte> frame, bool lacksHeaders, int pointer) =>
        Tell(ns, frame, (12, 0), (4, (byte)(lacksHeaders ? 3 : 0)), (uint)pointer);

    /// <summary>Whether a message tells of an error, about which no error is told.</summary>
    internal static bool IsError(in IpPacket ip) => ip.Payload.Length == 0
        || (ip.Protocol == FrameWriter.Icmp && ip.Payload[0] is 3 or 4 or 5 or 11 or 12)
        || (ip.Protocol == FrameWriter.IcmpV6 && ip.Payload[0] < 128);

    private static void Tell(VirtualNamespace ns, ReadOnlySpan<byte> frame, (byte Type, byte Code) v4, (byte Type, byte Code) v6, uint rest)
    {
        if (!IpPacket.TryRead(frame, out var ip) || ip.Protocol is FrameWriter.Icmp or FrameWriter.IcmpV6 && IsError(ip) || ip.Source.Value == 0)
            return;
        var source = ns.IsLocal(ip.Destination) ? ip.Destination : ns.SourceFor(ip.Source);
        if (source.IsNone || source.IsIPv4 != ip.Source.IsIPv4)
            return;
        var quoted = frame.Slice(IpPacket.EthernetBytes, Math.Min(ip.Length, ip.Source.IsIPv4 ? Math.Max(QuotedIPv4, ip.PayloadOffset + 8) : QuotedIPv6));
        if (quoted.Length > ip.Length)
            quoted = quoted[..ip.Length];
        var (type, code) = source.IsIPv4 ? v4 : v6;
        ns.Output(FrameWriter.IcmpMessage(source, ip.Source, type, code, rest, quoted));
    }
}
