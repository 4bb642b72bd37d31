using Cilium.Core;
using Cilium.Kubernetes.Wire;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Reads single fields of objects; what cannot be read is left out, since one bad entry must not hide its neighbours.</summary>
internal static class Fields
{
    public static EquatableArray<IpAddr> Addresses(IEnumerable<string?>? texts)
    {
        if (texts is null)
        {
            return [];
        }

        var addresses = new List<IpAddr>(2);
        foreach (var text in texts)
        {
            if (IpAddr.TryParse(text, out var address) && !addresses.Contains(address))
            {
                addresses.Add(address);
            }
        }

        return addresses.ToEquatableArray();
    }

    public static EquatableArray<Prefix> Prefixes(IEnumerable<string?>? texts)
    {
        if (texts is null)
        {
            return [];
        }

        var prefixes = new List<Prefix>();
        foreach (var text in texts)
        {
            if (Prefix.TryParse(text, out var prefix))
            {
                prefixes.Add(prefix);
            }
        }

        return prefixes.ToEquatableArray();
    }

    public static L4Protocol Protocol(string? text) => text switch
    {
        "UDP" => L4Protocol.Udp,
        "SCTP" => L4Protocol.Sctp,
        _ => L4Protocol.Tcp,
    };

    public static string ProtocolText(L4Protocol protocol) => protocol switch
    {
        L4Protocol.Udp => "UDP",
        L4Protocol.Sctp => "SCTP",
        _ => "TCP",
    };

    public static bool TryPort(int? value, out ushort port)
    {
        port = (ushort)(value is > 0 and <= 65535 ? value.Value : 0);
        return port != 0;
    }

    /// <summary>Annotations change often and are large; only those that may mean something here are kept.</summary>
    public static StringMap Annotations(MetaWire? metadata) => metadata?.Annotations is not { } annotations
        ? StringMap.Empty
        : StringMap.Create(annotations.Where(pair =>
            pair.Key.Contains("cilium.io", StringComparison.Ordinal)
            || pair.Key is "kubernetes.io/ingress-bandwidth" or "kubernetes.io/egress-bandwidth"));

    public static StringMap Labels(MetaWire? metadata) => StringMap.Create(metadata?.Labels);
}
