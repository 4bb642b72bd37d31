using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Operator;

/// <summary>Brings the interfaces of one node in the cloud to what the node needs. Plans are <see cref="InterfacePlanner"/>'s; here they are carried out.</summary>
internal sealed class NodeInterfaceSteps(IInterfaceCloud cloud, CloudView view, InterfaceOptions options)
{
    /// <summary>What a plan must know of a node.</summary>
    public InterfaceDemand DemandOf(CiliumNodeRow node, InstanceLimits limits)
    {
        var interfaces = view.InterfacesOf(node.Instance.Id);
        return new InterfaceDemand
        {
            Network = node.Instance.Network,
            Zone = node.Instance.Zone,
            Limits = limits,
            Interfaces = [.. interfaces.Select(found => found.ToNodeInterface(IsExcluded(node, found)))],
            Used = [.. node.UsedAddresses.Keys.Select(text => IpAddr.TryParse(text, out var address) ? address : IpAddr.None).Where(address => !address.IsNone)],
            Watermarks = node.Watermarks,
            FirstInterfaceIndex = node.Instance.FirstInterfaceIndex,
            PrefersPrefixes = options.PrefersPrefixes && !node.Instance.DisablesPrefixes,
            Subnets = view.Subnets,
            SubnetIds = [.. node.Instance.SubnetIds],
            SubnetTags = node.Instance.SubnetTags,
            SecurityGroups = view.SecurityGroups,
            SecurityGroupIds = [.. node.Instance.SecurityGroups],
            SecurityGroupTags = node.Instance.SecurityGroupTags,
            FirstSecurityGroups = [.. interfaces.FirstOrDefault(found => found.Index == 0)?.SecurityGroups ?? []],
        };
    }

    /// <summary>Takes back what the node let go.</summary>
    public async Task UnassignAsync(CiliumNodeRow node, ReleaseHandshake handshake, IReadOnlyCollection<IpAddr> addresses, CancellationToken cancellationToken)
    {
        foreach (var found in view.InterfacesOf(node.Instance.Id))
        {
            var own = found.Addresses.Where(addresses.Contains).ToList();
            if (own.Count > 0)
            {
                await cloud.UnassignAsync(found.Id, own, cancellationToken);
                view.TakenAway(node.Instance.Id, found.Id, own);
            }
        }

        // Those on no interface were taken away before, by an operator that did not live to say so.
        foreach (var address in addresses)
        {
            handshake.Unassigned(address);
        }
    }

    /// <summary>Carries out a plan: more addresses on what is there, then new interfaces.</summary>
    public async Task CarryOutAsync(CiliumNodeRow node, InterfacePlan plan, InstanceLimits limits, CancellationToken cancellationToken)
    {
        var instance = node.Instance.Id;
        foreach (var assignment in plan.Assignments)
        {
            var found = view.InterfacesOf(instance).First(present => present.Id == assignment.InterfaceId);
            var done = await WithFallbackAsync(
                assignment, assignment.ArePrefixes, () => assignment with { ArePrefixes = false, Count = Singles(assignment.Count, limits.AddressesPerInterface - 1 - found.ToNodeInterface().Slots) },
                async wanted =>
                {
                    await cloud.AssignAsync(wanted, cancellationToken);
                    return wanted;
                });
            view.Taken(found.SubnetId, AddressesOf(done.Count, done.ArePrefixes));
        }

        foreach (var attachment in plan.Attachments)
        {
            var made = await WithFallbackAsync(
                attachment, attachment.ArePrefixes, () => attachment with { ArePrefixes = false, Count = Singles(attachment.Count, limits.AddressesPerInterface - 1) },
                wanted => cloud.CreateAsync(wanted, $"Cilium-CNI ({instance})", cancellationToken));
            view.Taken(attachment.SubnetId, 1 + made.Addresses.Count + AddressesOf(made.Prefixes.Count, arePrefixes: true));
            await AttachAsync(node, made.Id, attachment.Index, cancellationToken);
        }

        if (plan.Assignments.Count + plan.Attachments.Count > 0)
        {
            await view.RefreshInstanceAsync(instance, cancellationToken);
        }
    }

    /// <summary>The interfaces of a node as its CiliumNode tells them.</summary>
    public IReadOnlyList<NodeEni> Told(CiliumNodeRow node) => [.. view.InterfacesOf(node.Instance.Id).Select(found => new NodeEni(found.Id)
    {
        Number = found.Index,
        Address = found.PrimaryAddress,
        Mac = found.Mac,
        Zone = found.Zone,
        Description = found.Description,
        SubnetId = found.SubnetId,
        SubnetCidr = view.CidrOf(found.SubnetId),
        Network = found.Network,
        NetworkCidrs = view.CidrsOf(found.Network),
        Addresses = found.ToNodeInterface().PodAddresses.ToEquatableArray(),
        Prefixes = found.Prefixes,
        SecurityGroups = found.SecurityGroups,
        Tags = StringMap.Create(found.Tags),
    })];

    /// <summary>The addresses that a node may give, with the interface of each.</summary>
    public Dictionary<string, string> PoolOf(CiliumNodeRow node)
    {
        var pool = new Dictionary<string, string>();
        foreach (var found in view.InterfacesOf(node.Instance.Id).Where(found => found.Index >= node.Instance.FirstInterfaceIndex && !IsExcluded(node, found)))
        {
            foreach (var address in found.ToNodeInterface().PodAddresses)
            {
                pool[address.ToString()] = found.Id;
            }
        }

        return pool;
    }

    private static bool IsExcluded(CiliumNodeRow node, CloudInterface found) => node.Instance.ExcludedTags.Count > 0
        && node.Instance.ExcludedTags.All(tag => found.Tags.TryGetValue(tag.Key, out var value) && value == tag.Value);

    private static int AddressesOf(int count, bool arePrefixes) => arePrefixes ? count * InterfacePlanner.PrefixAddresses : count;

    private static int Singles(int prefixes, int room) => Math.Min(prefixes * InterfacePlanner.PrefixAddresses, room);

    // A subnet may have free addresses and no whole prefix: single ones do.
    private static async Task<TResult> WithFallbackAsync<TWanted, TResult>(TWanted wanted, bool arePrefixes, Func<TWanted> singles, Func<TWanted, Task<TResult>> call)
    {
        try
        {
            return await call(wanted);
        }
        catch (CloudRefusedException refused) when (arePrefixes && refused.Reason == CloudRefusal.SubnetExhausted)
        {
            return await call(singles());
        }
    }

    private async Task AttachAsync(CiliumNodeRow node, string interfaceId, int index, CancellationToken cancellationToken)
    {
        try
        {
            await cloud.AttachAsync(interfaceId, node.Instance.Id, index, node.Instance.DeletesOnTermination, cancellationToken);
        }
        catch (CloudRefusedException)
        {
            // Nobody knows it but us. Where it was attached after all the deletion is refused; where that fails otherwise the collector finds it.
            await DeleteOrLeaveAsync(interfaceId, cancellationToken);
            throw;
        }
    }

    private async Task<bool> DeleteOrLeaveAsync(string interfaceId, CancellationToken cancellationToken)
    {
        try
        {
            await cloud.DeleteAsync(interfaceId, cancellationToken);
            return true;
        }
        catch (CloudRefusedException)
        {
            return false;
        }
    }
}
