using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Finds leaked, doubly owned and foreign addresses and CIDRs in what a cluster has written down.</summary>
/// <remarks>
/// A pure function. What it is given was not read at one instant: a pod that came or went meanwhile can look wrong. Check twice and keep what stays
/// (<see cref="Persisting"/>).
/// </remarks>
public static class AddressCheck
{
    /// <summary>Looks for everything that is wrong.</summary>
    /// <returns>The findings, sorted by fault and subject; empty when all is well.</returns>
    public static IReadOnlyList<AddressFinding> Find(ClusterAddresses cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        var findings = new List<AddressFinding>();
        var claims = AddressClaims.Of(cluster);
        AddSharedAddresses(claims, findings);
        AddForeignAddresses(cluster, claims, findings);
        AddEndpoints(cluster, findings);
        if (cluster.Mode is "crd" or "eni")
        {
            AddLists(cluster, findings);
        }

        AddCidrs(cluster, claims, findings);
        return [.. findings.OrderBy(finding => finding.Fault).ThenBy(finding => finding.Subject, StringComparer.Ordinal).ThenBy(finding => finding.Holder, StringComparer.Ordinal)];
    }

    /// <summary>The findings of two checks that are in both: what was only seen between two writes is left out.</summary>
    public static IReadOnlyList<AddressFinding> Persisting(IEnumerable<AddressFinding> first, IReadOnlyList<AddressFinding> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var before = first.Select(finding => (finding.Fault, finding.Subject, finding.Holder)).ToHashSet();
        return [.. second.Where(finding => before.Contains((finding.Fault, finding.Subject, finding.Holder)))];
    }

    private static void AddSharedAddresses(AddressClaims claims, List<AddressFinding> findings)
    {
        foreach (var (address, holders) in claims.Shared)
        {
            var owners = holders.Select(claim => claim.Owner).Order(StringComparer.Ordinal).ToList();
            findings.Add(new AddressFinding(
                AddressFault.SharedAddress, address.ToString(), owners[0], $"{address} belongs to {string.Join(" and ", owners)}: delete all of them but one"));
        }
    }

    private static void AddForeignAddresses(ClusterAddresses cluster, AddressClaims claims, List<AddressFinding> findings)
    {
        var nodes = cluster.Nodes.ToDictionary(node => node.Name);
        foreach (var claim in claims.Firm.Where(claim => claim.Node.Length > 0))
        {
            if (!nodes.TryGetValue(claim.Node, out var node))
            {
                findings.Add(new AddressFinding(AddressFault.ForeignAddress, $"{claim.Address}", claim.Owner, $"{claim.Address} of {claim.Owner} is on node {claim.Node}, which has no CiliumNode"));
            }
            else if (!MayGive(cluster, node, claim.Address))
            {
                findings.Add(new AddressFinding(
                    AddressFault.ForeignAddress, $"{claim.Address}", claim.Owner, $"{claim.Address} of {claim.Owner} is nothing that node {claim.Node} may give: make the pod anew"));
            }
        }
    }

    private static bool MayGive(ClusterAddresses cluster, NodeAddressing node, IpAddr address) => cluster.Mode is "crd" or "eni"
        ? node.Listed.Contains(address)
        : node.Held.Any(held => held.Cidrs.Any(cidr => cidr.Contains(address)));

    private static void AddEndpoints(ClusterAddresses cluster, List<AddressFinding> findings)
    {
        var pods = cluster.Pods.ToDictionary(pod => pod.Owner);
        foreach (var endpoint in cluster.Endpoints)
        {
            var addresses = string.Join(", ", endpoint.Addresses);
            if (!pods.TryGetValue(endpoint.Owner, out var pod))
            {
                findings.Add(new AddressFinding(
                    AddressFault.LeakedAddress, addresses, endpoint.Owner, $"{addresses} is kept by the CiliumEndpoint {endpoint.Owner}, whose pod is gone", AddressRepair.DeleteEndpoint));
            }
            else if (pod is { HoldsAddresses: true, Addresses.Count: > 0 } && endpoint.Addresses.Count > 0 && !pod.Addresses.ToHashSet().SetEquals(endpoint.Addresses))
            {
                findings.Add(new AddressFinding(
                    AddressFault.DifferingAddress, addresses, endpoint.Owner, $"the CiliumEndpoint {endpoint.Owner} has {addresses}, its pod {string.Join(", ", pod.Addresses)}"));
            }
        }
    }

    private static void AddLists(ClusterAddresses cluster, List<AddressFinding> findings)
    {
        var pods = cluster.Pods.Select(pod => pod.Owner).ToHashSet();
        foreach (var node in cluster.Nodes)
        {
            foreach (var (address, owner) in node.Used.Where(used => used.Value.Contains('/', StringComparison.Ordinal) && !pods.Contains(used.Value)))
            {
                findings.Add(new AddressFinding(
                    AddressFault.LeakedAddress, $"{address}", node.Name, $"{address} is in use on node {node.Name} for {owner}, whose pod is gone: restart the agent of that node"));
            }
        }

        foreach (var shared in cluster.Nodes.SelectMany(node => node.Listed.Distinct().Select(address => (address, node.Name))).GroupBy(entry => entry.address).Where(group => group.Count() > 1))
        {
            var names = shared.Select(entry => entry.Name).Order(StringComparer.Ordinal).ToList();
            findings.Add(new AddressFinding(
                AddressFault.SharedCidr, $"{shared.Key}", names[0], $"{shared.Key} is listed for the nodes {string.Join(" and ", names)}: whoever fills the lists must take it from all but one"));
        }
    }

    private static void AddCidrs(ClusterAddresses cluster, AddressClaims claims, List<AddressFinding> findings)
    {
        var holdings = cluster.Nodes.SelectMany(node => node.Held.SelectMany(held => held.Cidrs.Select(cidr => new CidrHolding(node, held.Pool, cidr)))).ToList();
        foreach (var node in cluster.Nodes.Where(node => !node.HasNode))
        {
            var hasPods = cluster.Pods.Any(pod => pod.Node == node.Name && pod.HoldsAddresses);
            findings.Add(new AddressFinding(
                AddressFault.LeakedCidr, node.Name, node.Name,
                $"the CiliumNode {node.Name} holds {Describe(node)}, and there is no such node{(hasPods ? ", but pods are bound to it" : "")}",
                hasPods ? AddressRepair.None : AddressRepair.DeleteNode));
        }

        var taken = new HashSet<CidrHolding>();
        foreach (var (one, other) in Overlapping(holdings))
        {
            if (taken.Contains(one) || taken.Contains(other) || !one.Node.HasNode || !other.Node.HasNode)
            {
                continue;
            }

            // Whoever does not use it lets it go; of two that do not, the later by name.
            var loser = new[] { other, one }.FirstOrDefault(holding => !claims.IsInUse(holding));
            var text = $"{one.Cidr} of node {one.Node.Name} (pool {one.Pool}) and {other.Cidr} of node {other.Node.Name} (pool {other.Pool}) overlap";
            if (loser is null)
            {
                findings.Add(new AddressFinding(AddressFault.SharedCidr, $"{other.Cidr}", other.Node.Name, $"{text}, and both are in use: drain one of the nodes"));
                continue;
            }

            taken.Add(loser);
            findings.Add(new AddressFinding(AddressFault.SharedCidr, $"{loser.Cidr}", loser.Node.Name, $"{text}; nothing of it is in use on {loser.Node.Name}", AddressRepair.RemoveCidr, loser.Cidr));
        }

        foreach (var holding in holdings.Where(holding => holding.Node.HasNode && !taken.Contains(holding)))
        {
            if (WhyForeign(cluster, claims, holding) is not { } why)
            {
                continue;
            }

            var isInUse = claims.IsInUse(holding);
            findings.Add(new AddressFinding(
                AddressFault.ForeignCidr, $"{holding.Cidr}", holding.Node.Name,
                $"{holding.Cidr} of node {holding.Node.Name} {why}{(isInUse ? ", and is in use" : "")}",
                isInUse || cluster.Mode == "kubernetes" ? AddressRepair.None : AddressRepair.RemoveCidr, isInUse ? default : holding.Cidr));
        }
    }

    private static string? WhyForeign(ClusterAddresses cluster, AddressClaims claims, CidrHolding holding)
    {
        if (cluster.Mode == "kubernetes")
        {
            return holding.Node.Granted.Contains(holding.Cidr) ? null : $"is not what Kubernetes gives it ({string.Join(", ", holding.Node.Granted)})";
        }

        if (cluster.Mode is not ("cluster-pool" or "multi-pool"))
        {
            return null;
        }

        if (cluster.Pools.FirstOrDefault(pool => pool.Name == holding.Pool) is not { } pool)
        {
            return $"is of pool {holding.Pool}, which does not exist";
        }

        // In multi-pool a CIDR outside its pool that is in use is being drained: that is no fault.
        var cidrs = (holding.Cidr.IsIPv4 ? pool.IPv4?.Cidrs : pool.IPv6?.Cidrs) ?? [];
        return cidrs.Concat(cluster.DrainedCidrs).Any(cidr => cidr.Contains(holding.Cidr)) || (cluster.Mode == "multi-pool" && claims.IsInUse(holding))
            ? null
            : $"is in no CIDR of pool {holding.Pool}";
    }

    private static IEnumerable<(CidrHolding One, CidrHolding Other)> Overlapping(List<CidrHolding> holdings)
    {
        // Sorted by first address, with what encloses before what it encloses: overlaps follow each other.
        var sorted = holdings.OrderBy(holding => holding.Cidr.Address).ThenBy(holding => holding.Cidr.Length).ThenBy(holding => holding.Node.Name, StringComparer.Ordinal).ToList();
        for (var i = 0; i < sorted.Count; i++)
        {
            for (var j = i + 1; j < sorted.Count && sorted[i].Cidr.Overlaps(sorted[j].Cidr); j++)
            {
                yield return (sorted[i], sorted[j]);
            }
        }
    }

    private static string Describe(NodeAddressing node)
    {
        var cidrs = string.Join(", ", node.Held.SelectMany(held => held.Cidrs));
        return cidrs.Length > 0 ? cidrs : node.Listed.Count > 0 ? $"{node.Listed.Count} addresses" : "nothing";
    }
}
