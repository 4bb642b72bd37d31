using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Plans interfaces and their addresses for a node, within the limits of its instance and of the subnets, and which addresses it can give back.</summary>
/// <remarks>Pure functions over what is known; the cloud may refuse what was planned, and the next plan starts from what it did.</remarks>
public static class InterfacePlanner
{
    /// <summary>Addresses of a prefix.</summary>
    public const int PrefixAddresses = 16;

    /// <summary>Plans what a node needs: first room on the interfaces that it has, by index, then new interfaces.</summary>
    public static InterfacePlan Plan(InterfaceDemand node)
    {
        ArgumentNullException.ThrowIfNull(node);
        var usable = node.Usable.OrderBy(found => found.Index).ToList();
        var needed = node.Watermarks.Needed(usable.Sum(found => found.PodAddresses.Count()), node.Used.Count);
        var free = node.Subnets.ToDictionary(subnet => subnet.Id, subnet => subnet.FreeAddresses);
        var prefixes = node.PrefersPrefixes && node.Limits.HasPrefixes;

        // 1. Room on what is there. Where no whole prefix is left, single addresses do.
        var assignments = new List<InterfaceAssignment>();
        foreach (var found in usable)
        {
            foreach (var arePrefixes in prefixes ? new[] { true, false } : [false])
            {
                var taken = assignments.Where(assignment => assignment.InterfaceId == found.Id).Sum(assignment => assignment.Count);
                var room = node.Limits.AddressesPerInterface - 1 - found.Slots - taken;
                if (Take(room, arePrefixes, found.SubnetId, free, ref needed) is var count and > 0)
                {
                    assignments.Add(new InterfaceAssignment(found.Id, count, arePrefixes));
                }
            }
        }

        // 2. New interfaces, while the instance has places and a subnet has addresses, of which each takes one for itself.
        var attachments = new List<InterfaceAttachment>();
        var indices = Enumerable.Range(0, node.Limits.Interfaces).Except(node.Interfaces.Select(found => found.Index)).Where(index => index >= node.FirstInterfaceIndex).ToList();
        foreach (var index in indices)
        {
            if (needed == 0 || BestSubnet(node, free) is not { } subnet)
            {
                break;
            }

            free[subnet.Id]--;
            var arePrefixes = prefixes && free[subnet.Id] >= PrefixAddresses;
            var count = Take(node.Limits.AddressesPerInterface - 1, arePrefixes, subnet.Id, free, ref needed);
            attachments.Add(new InterfaceAttachment(subnet.Id, index, count, arePrefixes, SecurityGroupsOf(node)));
        }

        return new InterfacePlan(assignments, attachments, needed, needed == 0 ? "" : Problem(node, attachments.Count == indices.Count, needed));
    }

    /// <summary>Chooses what a node can give back: free addresses of the interface that has most of them. Prefixes stay, as upstream has it.</summary>
    /// <returns>The addresses that may be marked for release, at most as many as are too many.</returns>
    public static IReadOnlyList<IpAddr> Releasable(InterfaceDemand node)
    {
        ArgumentNullException.ThrowIfNull(node);
        var usable = node.Usable.ToList();
        var excess = node.Watermarks.Excess(usable.Sum(found => found.PodAddresses.Count()), node.Used.Count);
        var used = node.Used.ToHashSet();
        var best = usable.Select(found => found.Addresses.Where(address => !used.Contains(address)).Order().ToList()).MaxBy(addresses => addresses.Count);
        return best is null ? [] : [.. best.Take(excess)];
    }

    /// <summary>Takes as many addresses, or prefixes, as fit into the room and the subnet.</summary>
    private static int Take(int room, bool arePrefixes, string subnet, Dictionary<string, int> free, ref int needed)
    {
        var size = arePrefixes ? PrefixAddresses : 1;
        var count = Math.Max(0, Math.Min(Math.Min(room, (needed + size - 1) / size), free.GetValueOrDefault(subnet) / size));
        if (count > 0)
        {
            free[subnet] -= count * size;
            needed = Math.Max(0, needed - (count * size));
        }

        return count;
    }

    // Two addresses at least: one is the interface's own.
    private static InterfaceSubnet? BestSubnet(InterfaceDemand node, Dictionary<string, int> free) => node.Subnets
        .Where(subnet => subnet.Network == node.Network && subnet.Zone == node.Zone && free[subnet.Id] >= 2
            && (node.SubnetIds.Count == 0 || node.SubnetIds.Contains(subnet.Id)) && HasTags(subnet.Tags, node.SubnetTags))
        .OrderByDescending(subnet => free[subnet.Id]).ThenBy(subnet => subnet.Id, StringComparer.Ordinal).FirstOrDefault();

    private static EquatableArray<string> SecurityGroupsOf(InterfaceDemand node)
    {
        if (node.SecurityGroupIds.Count > 0)
        {
            return node.SecurityGroupIds.ToEquatableArray();
        }

        return node.SecurityGroupTags.Count == 0
            ? node.FirstSecurityGroups.ToEquatableArray()
            : node.SecurityGroups.Where(group => group.Network == node.Network && HasTags(group.Tags, node.SecurityGroupTags))
                .Select(group => group.Id).Order(StringComparer.Ordinal).ToEquatableArray();
    }

    private static bool HasTags(IReadOnlyDictionary<string, string> tags, IReadOnlyDictionary<string, string> wanted) =>
        wanted.All(tag => tags.TryGetValue(tag.Key, out var value) && value == tag.Value);

    private static string Problem(InterfaceDemand node, bool isFull, int missing) => isFull
        ? $"{missing} addresses are missing: all {node.Limits.Interfaces} interfaces of the instance are attached, with {node.Limits.AddressesPerInterface} addresses each at most"
        : $"{missing} addresses are missing: no subnet of zone {node.Zone} that may be used has free addresses";
}
