using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Plans how CIDRs are added to a pool and drained from it while the cluster runs: what has an address keeps it, only new ones move.</summary>
public static class PoolPlanner
{
    /// <summary>Plans a change of one pool; an empty change tells how the pool stands.</summary>
    /// <remarks>A pure function: nothing is written, and the same cluster gives the same plan.</remarks>
    public static PoolPlan Plan(ClusterAddresses cluster, PoolChange change)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentNullException.ThrowIfNull(change);
        if (cluster.Pools.FirstOrDefault(pool => pool.Name == change.Pool) is not { } before)
        {
            return new PoolPlan { Pool = change.Pool, Problems = [$"there is no pool {change.Pool}"] };
        }

        // 1. What is asked must be possible.
        var drained = cluster.DrainedCidrs.Concat(change.Drain).Except(change.Add).Distinct().ToList();
        var problems = new List<string>();
        CheckAdded(cluster, before, change, problems);
        if (cluster.Mode == "cluster-pool")
        {
            // There pools and what is drained are written side by side, and a CIDR of a node belongs to both if they overlap: the operator refuses that.
            problems.AddRange(change.Add.SelectMany(cidr => drained.Where(cidr.Overlaps).Select(gone => $"{cidr} overlaps {gone}, which is drained: add that again, or another")));
        }

        CheckDrained(cluster, before, change, problems);

        // 2. The pool as it shall be.
        var after = before with { IPv4 = Change(before.IPv4, change, isIPv4: true), IPv6 = Change(before.IPv6, change, isIPv4: false) };
        foreach (var (family, name) in new[] { (after.IPv4, "IPv4"), (after.IPv6, "IPv6") })
        {
            if (family is { Cidrs.Count: 0 })
            {
                problems.Add($"pool {before.Name} would be left without an {name} CIDR: add another with the same change");
            }
        }

        // 3. What that means for nodes.
        var claims = AddressClaims.Of(cluster);
        var holdings = cluster.Nodes.SelectMany(node => node.Held.Where(held => held.Pool == before.Name).SelectMany(held => held.Cidrs.Select(cidr => new CidrHolding(node, held.Pool, cidr)))).ToList();
        var serving = CidrsOf(after).ToList();
        var draining = holdings.Where(holding => !serving.Exists(cidr => cidr.Contains(holding.Cidr)))
            .OrderBy(holding => holding.Node.Name, StringComparer.Ordinal).ThenBy(holding => holding.Cidr).ToList();
        var all = CidrsOf(before).Concat(drained).Concat(serving).Distinct();
        var cidrs = all.Select(cidr =>
        {
            var inside = holdings.Where(holding => cidr.Contains(holding.Cidr)).ToList();
            var state = !serving.Contains(cidr) ? PoolCidrState.Draining : CidrsOf(before).Contains(cidr) ? PoolCidrState.Kept : PoolCidrState.Added;
            return new PlannedCidr(cidr, state, inside.Count, inside.Sum(claims.Count));
        });
        return new PoolPlan
        {
            Pool = before.Name,
            Problems = problems,
            Warnings = [.. Shortages(after, holdings, draining, isIPv4: true), .. Shortages(after, holdings, draining, isIPv4: false)],
            After = after,
            Cidrs = [.. cidrs],
            Drained = cluster.Mode == "cluster-pool" ? drained : [],
            Draining = draining.ConvertAll(holding => new DrainingHolding(
                holding.Node.Name, holding.Cidr, [.. claims.InUse(holding).Select(claim => claim.Owner).Distinct().Order(StringComparer.Ordinal)])),
            HasChange = after != before || (cluster.Mode == "cluster-pool" && !drained.ToHashSet().SetEquals(cluster.DrainedCidrs)),
        };
    }

    private static void CheckAdded(ClusterAddresses cluster, PoolDefinition before, PoolChange change, List<string> problems)
    {
        for (var i = 0; i < change.Add.Count; i++)
        {
            var cidr = change.Add[i];
            var family = cidr.IsIPv4 ? before.IPv4 : before.IPv6;
            if (family is null)
            {
                problems.Add($"{cidr}: pool {before.Name} has no {(cidr.IsIPv4 ? "IPv4" : "IPv6")} part whose mask size would hold");
                continue;
            }

            if (cidr.Length > family.MaskSize)
            {
                problems.Add($"{cidr} is smaller than the pool's mask size /{family.MaskSize}");
            }

            if (change.Add.Take(i).Any(cidr.Overlaps))
            {
                problems.Add($"{cidr} overlaps another CIDR that is to be added");
            }

            foreach (var (pool, other) in cluster.Pools.SelectMany(pool => CidrsOf(pool).Select(other => (pool.Name, other))))
            {
                if (other.Overlaps(cidr) && !(pool == before.Name && change.Drain.Contains(other) && other != cidr))
                {
                    problems.Add($"{cidr} overlaps {other} of pool {pool}");
                }
            }

            // What nodes hold of the same pool in the same size comes home; anything else would be cut a second time.
            foreach (var node in cluster.Nodes)
            {
                foreach (var held in node.Held.SelectMany(held => held.Cidrs.Select(block => (held.Pool, Block: block))).Where(held => held.Block.Overlaps(cidr)))
                {
                    if (held.Pool != before.Name || held.Block.Length != family.MaskSize || !cidr.Contains(held.Block))
                    {
                        problems.Add($"{cidr} overlaps {held.Block}, which node {node.Name} holds of pool {held.Pool}");
                    }
                }
            }
        }
    }

    private static void CheckDrained(ClusterAddresses cluster, PoolDefinition before, PoolChange change, List<string> problems)
    {
        foreach (var cidr in change.Drain)
        {
            if (change.Add.Contains(cidr))
            {
                problems.Add($"{cidr} is to be added and drained");
            }
            else if (!CidrsOf(before).Contains(cidr) && !cluster.DrainedCidrs.Contains(cidr))
            {
                problems.Add($"{cidr} is no CIDR of pool {before.Name}: {string.Join(", ", CidrsOf(before))}");
            }
        }
    }

    private static PoolFamily? Change(PoolFamily? family, PoolChange change, bool isIPv4)
    {
        if (family is null)
        {
            return null;
        }

        var kept = family.Cidrs.Where(cidr => !change.Drain.Contains(cidr));
        return family with { Cidrs = kept.Concat(change.Add.Where(cidr => cidr.IsIPv4 == isIPv4 && !family.Cidrs.Contains(cidr))).ToEquatableArray() };
    }

    /// <summary>Every node that loses what it gives from needs another CIDR: there must be as many free.</summary>
    private static IEnumerable<string> Shortages(PoolDefinition after, List<CidrHolding> holdings, List<CidrHolding> draining, bool isIPv4)
    {
        if ((isIPv4 ? after.IPv4 : after.IPv6) is not { } family)
        {
            yield break;
        }

        var nodes = draining.Where(holding => holding.Cidr.IsIPv4 == isIPv4).Select(holding => holding.Node.Name).Distinct()
            .Count(name => !holdings.Exists(holding => holding.Node.Name == name && holding.Cidr.IsIPv4 == isIPv4 && !draining.Contains(holding)));
        var free = UInt128.Zero;
        foreach (var cidr in family.Cidrs.Where(cidr => cidr.Length <= family.MaskSize))
        {
            var bits = family.MaskSize - cidr.Length;
            var blocks = bits >= 64 ? UInt128.MaxValue >> 1 : UInt128.One << bits;
            var used = (UInt128)holdings.Count(holding => cidr.Contains(holding.Cidr));
            free = UInt128.Min(free + (blocks > used ? blocks - used : 0), UInt128.MaxValue >> 1);
        }

        if (free < (UInt128)nodes)
        {
            yield return $"{nodes} nodes need another {(isIPv4 ? "IPv4" : "IPv6")} /{family.MaskSize} for new pods, and {free} are free";
        }
    }

    private static IEnumerable<Prefix> CidrsOf(PoolDefinition pool) => (pool.IPv4?.Cidrs ?? []).Concat(pool.IPv6?.Cidrs ?? []);
}
