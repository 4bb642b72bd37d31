using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Traffic by protocol and destination port.</summary>
/// <param name="Protocol">The protocol; <see cref="L4Protocol.Any"/> only in <see cref="Everything"/>.</param>
/// <param name="First">The first port, or the ICMP type.</param>
/// <param name="Last">The last port, inclusive, or the ICMP type.</param>
/// <param name="Name">The name of a port, looked up on whoever receives the traffic; null for a number. Then both ports are 0.</param>
public sealed record PortMatch(L4Protocol Protocol, ushort First, ushort Last, string? Name = null)
{
    /// <summary>All traffic of all protocols.</summary>
    public static PortMatch Everything { get; } = new(L4Protocol.Any, 0, ushort.MaxValue);

    private static readonly L4Protocol[] s_withPorts = [L4Protocol.Tcp, L4Protocol.Udp, L4Protocol.Sctp];

    /// <summary>A range of ports; protocol <see cref="L4Protocol.Any"/> means TCP, UDP and SCTP, never ICMP.</summary>
    /// <param name="protocol">The protocol.</param>
    /// <param name="first">The first port; 0 means all ports.</param>
    /// <param name="last">The last port; smaller than <paramref name="first"/>, 0 for example, means only the first.</param>
    public static IEnumerable<PortMatch> OfPorts(L4Protocol protocol, ushort first, ushort last = 0)
    {
        var end = first == 0 ? ushort.MaxValue : Math.Max(first, last);
        return ProtocolsOf(protocol).Select(each => new PortMatch(each, first, end));
    }

    /// <summary>A named port; protocol <see cref="L4Protocol.Any"/> means TCP, UDP and SCTP.</summary>
    public static IEnumerable<PortMatch> OfName(L4Protocol protocol, string name) =>
        ProtocolsOf(protocol).Select(each => new PortMatch(each, 0, 0, name));

    /// <summary>One ICMP type.</summary>
    public static PortMatch OfIcmp(bool isIPv6, byte type) => new(isIPv6 ? L4Protocol.IcmpV6 : L4Protocol.Icmp, type, type);

    /// <inheritdoc/>
    public override string ToString() => Name is not null ? $"{Name}/{Protocol}" : First == Last ? $"{First}/{Protocol}" : $"{First}-{Last}/{Protocol}";

    private static L4Protocol[] ProtocolsOf(L4Protocol protocol) => protocol == L4Protocol.Any ? s_withPorts : [protocol];
}
