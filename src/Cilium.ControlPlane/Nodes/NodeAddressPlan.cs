using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Datapath.Nodes;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Nodes;

/// <summary>Finds out the node's addresses at start: its pod ranges, and its router's addresses, the former ones if they still fit.</summary>
internal sealed class NodeAddressPlan(AgentTables tables, AgentOptions options, INodeIpam ipam, ILocalDevices devices)
{
    private const string HostDevice = "cilium_host";

    /// <summary>Takes over the pod ranges of this node; null while an enabled family has none yet.</summary>
    public IReadOnlyList<Prefix>? TakeRanges()
    {
        if (ipam is MultiPoolIpam pools)
        {
            if (!tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own))
            {
                return null;
            }

            pools.SetAllocated([.. own.AllocatedPools]);
            return pools.IsReady ? [.. own.AllPodCidrs] : null;
        }

        if (ipam is ListedIpam listed)
        {
            if (!tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own))
            {
                return null;
            }

            Ipam.AddressListLoop.Take(listed, own, options.Ipam == "eni", isRestored: false);
            return listed.IsReady ? [] : null;
        }

        if (PodRanges() is not { } ranges)
        {
            return null;
        }

        ((NodeIpam)ipam).SetPodCidrs([.. ranges]);
        return ranges;
    }

    /// <summary>The pod ranges of the enabled families, or null while one has none yet.</summary>
    public IReadOnlyList<Prefix>? PodRanges()
    {
        var ranges = options.Ipam == "kubernetes"
            ? tables.Kubernetes.Nodes.TryGet(options.NodeName, out var node) ? node.PodCidrs : default
            : tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var ciliumNode) ? ciliumNode.PodCidrs : default;
        var usable = ranges.Where(range => range.IsIPv4 ? options.Datapath.EnableIPv4 : options.Datapath.EnableIPv6).ToList();
        var giving = usable.Where(range => !IsDrained(range)).ToList();
        return (options.Datapath.EnableIPv4 && !giving.Exists(range => range.IsIPv4)) || (options.Datapath.EnableIPv6 && !giving.Exists(range => !range.IsIPv4))
            ? null
            : usable;
    }

    /// <summary>Takes the router's addresses and puts the node's row together. Call after endpoints are restored.</summary>
    /// <remarks>
    /// Pods were told the router's address: while one lives it stays, in a drained CIDR too. From here on drained CIDRs give nothing, and in mode
    /// <c>cluster-pool</c> those of which nothing is in use are no longer in the row.
    /// </remarks>
    /// <exception cref="InvalidOperationException">No address is left for the router.</exception>
    public LocalNodeRow Complete(KubeNodeRow node, IReadOnlyList<Prefix> ranges)
    {
        var hasPods = ipam.Snapshot().Count > 0;
        if (!hasPods)
        {
            Drain(ranges);
        }

        var former = devices.AddressesOf(HostDevice).ToList();
        if (tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var ciliumNode))
        {
            former.AddRange(ciliumNode.Addresses.Where(address => address.Type == NodeAddress.CiliumInternalIP).Select(address => address.Address));
        }

        var self = new LocalNodeRow
        {
            Name = node.Name,
            IPv4 = options.Datapath.EnableIPv4 || options.Datapath.EnableTunnel ? InternalAddress(node, isIPv4: true) : IpAddr.None,
            IPv6 = InternalAddress(node, isIPv4: false),
            RouterIPv4 = options.Datapath.EnableIPv4 ? TakeRouter(former.Where(address => address.IsIPv4), isIPv4: true) : IpAddr.None,
            RouterIPv6 = options.Datapath.EnableIPv6 ? TakeRouter(former.Where(address => !address.IsIPv4), isIPv4: false) : IpAddr.None,
            PodPrefixes = ranges.ToEquatableArray(),
        };
        Drain(ranges);
        return ipam is NodeIpam ? self with { PodPrefixes = ranges.Where(range => !IsDrained(range) || HasAddress(range)).ToEquatableArray() } : self;
    }

    private bool IsDrained(Prefix range) => options.Ipam == "cluster-pool" && options.DrainedPodCidrs.Any(drained => drained.Contains(range));

    private bool HasAddress(Prefix range) => ipam.Snapshot().Any(lease => range.Contains(lease.Address));

    private void Drain(IReadOnlyList<Prefix> ranges)
    {
        if (ipam is NodeIpam node)
        {
            node.SetPodCidrs([.. ranges.Where(range => !IsDrained(range))]);
        }
        else if (ipam is MultiPoolIpam pools && tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own))
        {
            pools.SetAllocated([.. own.AllocatedPools], Ipam.DrainedPools.Of(own, tables));
            if (!pools.IsReady)
            {
                // Other CIDRs have not come yet: the router's own may be the last that the drained one gives.
                pools.SetAllocated([.. own.AllocatedPools]);
            }
        }
    }

    private static IpAddr InternalAddress(KubeNodeRow node, bool isIPv4) =>
        node.Addresses.FirstOrDefault(address => address.Type == NodeAddress.InternalIP && address.Address.IsIPv4 == isIPv4).Address;

    private IpAddr TakeRouter(IEnumerable<IpAddr> former, bool isIPv4)
    {
        foreach (var address in former)
        {
            if (ipam.Allocate(address, AddressOwners.Router, purpose: AddressOwners.Router).IsOk)
            {
                return address;
            }
        }

        var result = ipam.Allocate(new AddressRequest(AddressOwners.Router) { Purpose = AddressOwners.Router, WantsIPv4 = isIPv4, WantsIPv6 = !isIPv4 });
        return (isIPv4 ? result.IPv4 : result.IPv6) is { } lease
            ? lease.Address
            : throw new InvalidOperationException($"no address for the node's router: {result.Message}");
    }
}
