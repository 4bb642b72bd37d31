using System.Net;
using System.Net.Sockets;

namespace Cilium.Lab.Workloads;

/// <summary>The names of a cluster: one line per name, <c>NAME ADDRESS…</c>, written by the lab and read by its DNS servers.</summary>
internal sealed record DnsZone(IReadOnlyDictionary<string, IReadOnlyList<IPAddress>> Names)
{
    public const string Suffix = "cluster.local";

    public static DnsZone Parse(IEnumerable<string> lines)
    {
        var names = new Dictionary<string, IReadOnlyList<IPAddress>>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in lines)
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0) continue;
            names[words[0]] = [.. words.Skip(1).Select(word => IPAddress.TryParse(word, out var address) ? address : null).OfType<IPAddress>()];
        }

        return new DnsZone(names);
    }

    /// <summary>Addresses of a family; null when nothing has that name.</summary>
    public IReadOnlyList<IPAddress>? Find(string name, AddressFamily family)
    {
        if (Names.TryGetValue(name, out var addresses)) return [.. addresses.Where(address => address.AddressFamily == family)];
        return PodAddress(name) is { } address ? address.AddressFamily == family ? [address] : [] : null;
    }

    /// <summary><c>10-0-0-1.NAMESPACE.pod.cluster.local</c>.</summary>
    private static IPAddress? PodAddress(string name)
    {
        if (!name.EndsWith(".pod." + Suffix, StringComparison.OrdinalIgnoreCase)) return null;
        var label = name.Split('.')[0];
        return IPAddress.TryParse(label.Replace('-', '.'), out var address) || IPAddress.TryParse(label.Replace('-', ':'), out address) ? address : null;
    }
}
