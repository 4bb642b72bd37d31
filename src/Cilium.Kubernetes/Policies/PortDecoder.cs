using System.Globalization;
using System.Text.Json;
using Cilium.Core;
using Cilium.Policy;

namespace Cilium.Kubernetes.Policies;

/// <summary>Reads the ports and ICMP types of rule elements.</summary>
internal static class PortDecoder
{
    private const int MostPorts = 40;

    /// <summary>The ports of <c>toPorts</c> and the types of <c>icmps</c>; null when the element has neither.</summary>
    public static List<PortMatch>? Decode(JsonField element, bool isDeny)
    {
        var toPorts = element["toPorts"];
        var icmps = element["icmps"];
        if (toPorts.IsNonEmpty && icmps.IsNonEmpty)
        {
            icmps.Fail("cannot be combined with toPorts");
        }

        List<PortMatch>? matches = toPorts.IsNonEmpty || icmps.IsNonEmpty ? [] : null;
        foreach (var rule in toPorts.Items())
        {
            DecodePortRule(rule, isDeny, matches!);
        }

        foreach (var rule in icmps.Items())
        {
            DecodeIcmpRule(rule, matches!);
        }

        return matches;
    }

    /// <summary>Reads one entry of <c>ports</c> of a NetworkPolicy.</summary>
    public static IEnumerable<PortMatch> DecodeKubernetesPort(JsonField entry)
    {
        if (!entry.IsObjectOf("protocol", "port", "endPort"))
        {
            return [];
        }

        var protocol = ProtocolOf(entry["protocol"], L4Protocol.Tcp, allowsAny: false);
        var port = entry["port"];
        if (!port.IsPresent)
        {
            if (entry["endPort"].IsPresent)
            {
                entry["endPort"].Fail("needs a port");
            }

            return PortMatch.OfPorts(protocol, 0);
        }

        return port.Element.ValueKind == JsonValueKind.String
            ? OfName(port, entry["endPort"], protocol, port.Text()!)
            : OfNumber(entry["endPort"], protocol, port.Number(1, 65535) ?? 1);
    }

    private static void DecodePortRule(JsonField rule, bool isDeny, List<PortMatch> matches)
    {
        if (!rule.IsObjectOf("ports", "rules", "listener", "terminatingTLS", "originatingTLS", "serverNames"))
        {
            return;
        }

        foreach (var (name, feature) in ((string, string)[])
        [
            ("listener", "redirection to a listener"), ("terminatingTLS", "TLS interception"), ("originatingTLS", "TLS interception"),
            ("serverNames", "TLS server names"),
        ])
        {
            if (rule[name].IsNonEmpty)
            {
                Refuse(rule[name], isDeny, feature);
            }
        }

        foreach (var (_, value) in rule["rules"].Members())
        {
            if (value.IsNonEmpty)
            {
                Refuse(value, isDeny, "L7 rules");
            }
        }

        var count = 0;
        foreach (var entry in rule["ports"].Items())
        {
            if (++count == MostPorts + 1)
            {
                rule["ports"].Fail($"has more than {MostPorts} ports");
            }

            matches.AddRange(DecodePort(entry));
        }
    }

    private static IEnumerable<PortMatch> DecodePort(JsonField entry)
    {
        if (!entry.IsObjectOf("port", "endPort", "protocol"))
        {
            return [];
        }

        // All ports are asked for with port 0: one that was forgotten must not open them.
        var protocol = ProtocolOf(entry["protocol"], L4Protocol.Any, allowsAny: true);
        if (!entry["port"].IsPresent)
        {
            entry["port"].Fail("is required; 0 stands for all ports");
            return [];
        }

        var text = entry["port"].Text() ?? "0";
        if (text.Length > 0 && text.All(char.IsAsciiDigit))
        {
            if (ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            {
                return OfNumber(entry["endPort"], protocol, port);
            }

            entry["port"].Fail("must be a number from 0 to 65535 or a port name");
            return [];
        }

        return OfName(entry["port"], entry["endPort"], protocol, text);
    }

    private static IEnumerable<PortMatch> OfNumber(JsonField endPort, L4Protocol protocol, int port)
    {
        var last = endPort.Number(0, 65535) ?? 0;
        if (last != 0 && last < port)
        {
            endPort.Fail($"must not be smaller than port {port}");
        }
        else if (last != 0 && port == 0)
        {
            endPort.Fail("needs a port");
        }

        return PortMatch.OfPorts(protocol, (ushort)port, (ushort)last);
    }

    private static IEnumerable<PortMatch> OfName(JsonField port, JsonField endPort, L4Protocol protocol, string text)
    {
        var name = text.ToLowerInvariant();
        if (!IsServiceName(name))
        {
            port.Fail($"'{text}' is neither a port number nor a port name");
        }

        if (endPort.Number(0, 65535) is > 0)
        {
            endPort.Fail("cannot be combined with a port name");
        }

        return PortMatch.OfName(protocol, name);
    }

    // RFC 6335, section 5.1.
    private static bool IsServiceName(string name) =>
        name.Length is > 0 and <= 15 && name.Any(char.IsAsciiLetter)
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')
        && name[0] != '-' && name[^1] != '-' && !name.Contains("--", StringComparison.Ordinal);

    private static L4Protocol ProtocolOf(JsonField field, L4Protocol missing, bool allowsAny)
    {
        switch (field.IsPresent ? field.Text() : "")
        {
            case "":
                return missing;
            case "TCP":
                return L4Protocol.Tcp;
            case "UDP":
                return L4Protocol.Udp;
            case "SCTP":
                return L4Protocol.Sctp;
            case "ANY" when allowsAny:
                return L4Protocol.Any;
            case "VRRP" or "IGMP" or "ICMP" or "ICMPV6" or "ICMPv6" when allowsAny:
                field.FailUnsupported("this protocol in toPorts");
                return missing;
            default:
                field.Fail(allowsAny ? "must be TCP, UDP, SCTP or ANY" : "must be TCP, UDP or SCTP");
                return missing;
        }
    }

    private static void DecodeIcmpRule(JsonField rule, List<PortMatch> matches)
    {
        if (!rule.IsObjectOf("fields"))
        {
            return;
        }

        var count = 0;
        foreach (var entry in rule["fields"].Items())
        {
            if (++count == MostPorts + 1)
            {
                rule["fields"].Fail($"has more than {MostPorts} fields");
            }

            if (!entry.IsObjectOf("family", "type"))
            {
                continue;
            }

            var family = entry["family"].IsPresent ? entry["family"].Text() : "IPv4";
            if (family is not ("IPv4" or "IPv6"))
            {
                entry["family"].Fail("must be IPv4 or IPv6");
            }

            if (IcmpTypeOf(entry["type"], family == "IPv6") is { } type)
            {
                matches.Add(PortMatch.OfIcmp(family == "IPv6", type));
            }
        }
    }

    private static byte? IcmpTypeOf(JsonField field, bool isIPv6)
    {
        if (!field.IsPresent)
        {
            field.Fail("is required");
            return null;
        }

        if (field.Element.ValueKind != JsonValueKind.String)
        {
            return (byte?)field.Number(0, 255);
        }

        var text = field.Text()!;
        if (IcmpTypeNames.TryFind(isIPv6, text, out var type) || byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out type))
        {
            return type;
        }

        field.Fail($"'{text}' is no ICMP type of this family");
        return null;
    }

    private static void Refuse(JsonField field, bool isDeny, string feature)
    {
        if (isDeny)
        {
            field.Fail("is not allowed in a deny rule");
        }
        else
        {
            field.FailUnsupported(feature);
        }
    }
}
