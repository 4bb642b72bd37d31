using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cilium.Core;
using Cilium.Simulation.Clusters;

namespace Cilium.Simulation.Scale;

/// <summary>What has come of a cluster's objects, told without what goes to whoever asks first: numbers of identities, pod CIDRs, addresses.</summary>
internal static class EndState
{
    /// <summary>The digest of <see cref="Lines"/>: 16 hexadecimal digits.</summary>
    internal static string Of(SimulatedCluster cluster)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var line in Lines(cluster))
            hash.AppendData(Encoding.UTF8.GetBytes(line + "\n"));
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
    }

    /// <summary>Nodes, pods with the labels of their identities, services with their backends, and all compiled policies, each on lines of its own.</summary>
    internal static IEnumerable<string> Lines(SimulatedCluster cluster)
    {
        var labels = cluster.Kubernetes.CiliumIdentities.Snapshot().Values.ToDictionary(row => row.Id, row => row.Labels.ToString());
        string Who(Identity identity) => labels.GetValueOrDefault(identity) ?? identity.Value.ToString(CultureInfo.InvariantCulture);
        foreach (var row in cluster.Kubernetes.CiliumNodes.Snapshot().Values.OrderBy(row => row.Name, StringComparer.Ordinal))
            yield return $"node {row.Name} with {row.PodCidrs.Count} CIDRs";
        foreach (var row in cluster.Kubernetes.CiliumEndpoints.Snapshot().Values.OrderBy(row => row.Key.ToString(), StringComparer.Ordinal))
            yield return $"pod {row.Key} with {row.Addresses.Count} addresses is {Who(row.Identity)}";
        var backends = cluster.Kubernetes.EndpointSlices.Snapshot().Values.ToLookup(row => row.Service);
        foreach (var row in cluster.Kubernetes.Services.Snapshot().Values.OrderBy(row => row.Key.ToString(), StringComparer.Ordinal))
        {
            var pods = backends[row.Key].SelectMany(slice => slice.Endpoints).Select(endpoint => endpoint.PodName).Order(StringComparer.Ordinal);
            yield return $"service {row.Key} with {row.LoadBalancerIPs.Count} load balancer addresses leads to {string.Join(' ', pods)}";
        }
        foreach (var node in cluster.Nodes.OrderBy(node => node.Name, StringComparer.Ordinal))
        {
            foreach (var line in Policies(node, Who).Order(StringComparer.Ordinal))
                yield return line;
        }
    }

    private static IEnumerable<string> Policies(SimulatedNode node, Func<Identity, string> who)
    {
        foreach (var endpoint in node.Tables.Datapath.Endpoints.Snapshot().Values)
        {
            if (endpoint.Policy is not { } key || !node.Tables.Datapath.Policies.TryGet(key, out var policy) || !node.Tables.Endpoints.TryGet(endpoint.Id, out var pod))
                continue;
            // Of an identity that lost a race and is not collected yet there are entries too: in words of labels they are the same.
            var entries = policy.Entries.Select(entry =>
                $"{entry.Key.Direction} {who(entry.Key.Identity)} {entry.Key.Protocol}/{entry.Key.Port} {(entry.Verdict.IsDeny ? "deny" : "allow")}");
            yield return $"{pod.Pod} on {node.Name}: {policy.IngressEnforced} {policy.EgressEnforced} {string.Join("; ", entries.Distinct().Order(StringComparer.Ordinal))}";
        }
    }
}
