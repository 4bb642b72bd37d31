using Cilium.Core;

namespace Cilium.Simulation.Explaining;

/// <summary>The protocols that can be asked about, by name.</summary>
public static class ProtocolNames
{
    /// <summary>Reads <c>tcp</c>, <c>udp</c>, <c>sctp</c> or <c>icmp</c>, in any case.</summary>
    public static bool TryParse(string text, out L4Protocol protocol)
    {
        ArgumentNullException.ThrowIfNull(text);
        protocol = text.ToUpperInvariant() switch
        {
            "TCP" => L4Protocol.Tcp,
            "UDP" => L4Protocol.Udp,
            "SCTP" => L4Protocol.Sctp,
            "ICMP" => L4Protocol.Icmp,
            _ => L4Protocol.Any,
        };
        return protocol != L4Protocol.Any;
    }
}
