using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;

namespace Cilium.Kubernetes;

/// <summary>Writes CiliumNodes: the agent its own content, the operator existence, CIDRs and errors.</summary>
/// <remarks>Thread-safe. Refusals of the server are <see cref="KubernetesException"/>.</remarks>
public sealed class CiliumNodeWriter
{
    private readonly KubernetesObjects _objects;

    /// <summary>Makes a writer over a connection.</summary>
    public CiliumNodeWriter(KubernetesConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _objects = new KubernetesObjects(connection);
    }

    /// <summary>Makes the CiliumNode of a node, empty but for owner and labels; one that exists is left alone.</summary>
    /// <returns>True when it was created.</returns>
    public async Task<bool> EnsureAsync(string nodeName, string nodeUid, StringMap labels, CancellationToken cancellationToken)
    {
        try
        {
            await _objects.CreateAsync(Resource.CiliumNodes, "", New(nodeName, nodeUid, labels, new CiliumNodeSpecWire()), WireJson.Default.CiliumNodeWire, cancellationToken);
            return true;
        }
        catch (KubernetesException exception) when (exception.IsAlreadyExists)
        {
            return false;
        }
    }

    /// <summary>Creates the CiliumNode or changes the fields that the agent owns. One made anew has the CIDRs that pods use from the first moment.</summary>
    /// <returns>The uid of the object that has the content now.</returns>
    public async Task<string> ApplyAsync(CiliumNodeContent content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        var spec = new CiliumNodeSpecWire
        {
            Addresses = [.. content.Addresses.Select(address => new CiliumNodeAddressWire { Type = address.Type, Ip = address.Address.ToString() })],
            Health = content.Health is { } health ? new() { ["ipv4"] = TextOf(health.IPv4), ["ipv6"] = TextOf(health.IPv6) } : null,
            Bootid = content.BootId.Length == 0 ? null : content.BootId,
            Ipam = IpamOf(content),
            InstanceId = content.Instance?.Id,
            Eni = content.Instance is { } instance ? EniOf(instance) : null,
        };
        var name = new NamespacedName("", content.Name);
        var value = New(content.Name, content.NodeUid, content.Labels, spec);
        var written = await _objects.PatchAsync(Resource.CiliumNodes, name, "", KubernetesObjects.MergePatch, value, WireJson.Default.CiliumNodeWire, cancellationToken);
        if (written is not null)
        {
            return written.Metadata?.Uid ?? "";
        }

        try
        {
            spec.Ipam = IpamOf(content with { PodCidrs = content.PodCidrs ?? content.HeldPodCidrs });
            written = await _objects.CreateAsync(Resource.CiliumNodes, "", value, WireJson.Default.CiliumNodeWire, cancellationToken);
        }
        catch (KubernetesException exception) when (exception.IsAlreadyExists)
        {
            // The operator created it in between.
            spec.Ipam = IpamOf(content);
            written = await _objects.PatchAsync(Resource.CiliumNodes, name, "", KubernetesObjects.MergePatch, value, WireJson.Default.CiliumNodeWire, cancellationToken);
        }

        return written?.Metadata?.Uid ?? "";
    }

    /// <summary>Sets the pod CIDRs of a node.</summary>
    /// <returns>False when the CiliumNode is absent.</returns>
    public async Task<bool> SetPodCidrsAsync(string nodeName, IEnumerable<Prefix> podCidrs, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(podCidrs);
        var patch = new CiliumNodeWire
        {
            Spec = new CiliumNodeSpecWire { Ipam = new CiliumNodeIpamWire { PodCIDRs = [.. podCidrs.Select(cidr => cidr.ToString())] } },
        };
        return await _objects.PatchAsync(
            Resource.CiliumNodes, new NamespacedName("", nodeName), "", KubernetesObjects.MergePatch, patch, WireJson.Default.CiliumNodeWire, cancellationToken) is not null;
    }

    /// <summary>Sets the pod CIDRs of a node over the version that the change was decided from.</summary>
    /// <returns>False when the CiliumNode is absent or was changed by somebody else meanwhile.</returns>
    public async Task<bool> SetPodCidrsAsync(CiliumNodeRow node, IEnumerable<Prefix> podCidrs, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(podCidrs);
        var patch = new CiliumNodeWire
        {
            Metadata = new MetaWire { ResourceVersion = node.ResourceVersion },
            Spec = new CiliumNodeSpecWire { Ipam = new CiliumNodeIpamWire { PodCIDRs = [.. podCidrs.Select(cidr => cidr.ToString())] } },
        };
        try
        {
            return await _objects.PatchAsync(
                Resource.CiliumNodes, new NamespacedName("", node.Name), "", KubernetesObjects.MergePatch, patch, WireJson.Default.CiliumNodeWire, cancellationToken) is not null;
        }
        catch (KubernetesException exception) when (exception.IsConflict)
        {
            return false;
        }
    }

    /// <summary>Sets the pools of a node (mode <c>multi-pool</c>) over the version that the change was decided from.</summary>
    /// <param name="node">The CiliumNode as it was seen.</param>
    /// <param name="requested">What the node needs; null leaves what is there.</param>
    /// <param name="allocated">The CIDRs the node holds.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <returns>False when the CiliumNode is absent or was changed by somebody else meanwhile: decide again when its newer version is seen.</returns>
    public async Task<bool> SetPoolsAsync(
        CiliumNodeRow node, IReadOnlyList<PoolDemand>? requested, IReadOnlyList<PoolCidrs> allocated, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(allocated);
        var pools = new NodePoolsWire
        {
            Requested = requested?.Select(demand => new RequestedPoolWire
            {
                Pool = demand.Pool,
                Needed = new NeededAddressesWire { Ipv4 = demand.IPv4 > 0 ? demand.IPv4 : null, Ipv6 = demand.IPv6 > 0 ? demand.IPv6 : null },
            }).ToList(),
            Allocated = [.. allocated.Select(held => new AllocatedPoolWire { Pool = held.Pool, Cidrs = [.. held.Cidrs.Select(cidr => cidr.ToString())] })],
        };
        var patch = new CiliumNodeWire
        {
            Metadata = new MetaWire { ResourceVersion = node.ResourceVersion },
            Spec = new CiliumNodeSpecWire { Ipam = new CiliumNodeIpamWire { Pools = pools } },
        };
        try
        {
            return await _objects.PatchAsync(
                Resource.CiliumNodes, new NamespacedName("", node.Name), "", KubernetesObjects.MergePatch, patch, WireJson.Default.CiliumNodeWire, cancellationToken) is not null;
        }
        catch (KubernetesException exception) when (exception.IsConflict)
        {
            return false;
        }
    }

    /// <summary>Sets which addresses of the node's list are in use, and answers to releases (mode <c>crd</c>).</summary>
    /// <param name="node">The CiliumNode as it was seen.</param>
    /// <param name="owners">The owner of each address whose use changed; null for those that are free.</param>
    /// <param name="releases">The state of each release that changed; null to remove it.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <returns>False when the CiliumNode is absent.</returns>
    public async Task<bool> SetUsedAddressesAsync(
        CiliumNodeRow node, IReadOnlyDictionary<string, string?> owners, IReadOnlyDictionary<string, string?> releases, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(node);
        var patch = new CiliumNodeWire
        {
            Status = new CiliumNodeStatusWire
            {
                Ipam = new CiliumNodeIpamStatusWire
                {
                    Used = UsedOf(node, owners, isIPv4: true),
                    Ipv6Used = UsedOf(node, owners, isIPv4: false),
                    ReleaseIps = releases.Count == 0 ? null : new Dictionary<string, string?>(releases),
                },
            },
        };
        return await _objects.PatchAsync(
            Resource.CiliumNodes, new NamespacedName("", node.Name), "status", KubernetesObjects.MergePatch, patch, WireJson.Default.CiliumNodeWire, cancellationToken) is not null;
    }

    /// <summary>Sets <c>status.ipam.operator-status.error</c>; an empty text says that all is well.</summary>
    /// <returns>False when the CiliumNode is absent.</returns>
    public async Task<bool> SetOperatorErrorAsync(string nodeName, string error, CancellationToken cancellationToken)
    {
        var patch = new CiliumNodeWire
        {
            Status = new CiliumNodeStatusWire { Ipam = new CiliumNodeIpamStatusWire { OperatorStatus = new OperatorStatusWire { Error = error } } },
        };
        return await _objects.PatchAsync(
            Resource.CiliumNodes, new NamespacedName("", nodeName), "status", KubernetesObjects.MergePatch, patch, WireJson.Default.CiliumNodeWire, cancellationToken) is not null;
    }

    /// <summary>Asks the server itself whether a node exists: a table that lacks it may only be behind.</summary>
    public async Task<bool> HasNodeAsync(string nodeName, CancellationToken cancellationToken) =>
        await _objects.GetAsync(Resource.Nodes, new NamespacedName("", nodeName), WireJson.Default.NodeWire, cancellationToken) is not null;

    /// <summary>Deletes a CiliumNode, if it still is the object with this uid.</summary>
    /// <returns>False when it was gone.</returns>
    public Task<bool> DeleteAsync(string nodeName, string uid, CancellationToken cancellationToken) =>
        _objects.DeleteAsync(Resource.CiliumNodes, new NamespacedName("", nodeName), uid.Length == 0 ? null : uid, null, cancellationToken);

    private static Dictionary<string, AddressAllocationWire?>? UsedOf(CiliumNodeRow node, IReadOnlyDictionary<string, string?> owners, bool isIPv4)
    {
        var used = owners.Where(pair => pair.Key.Contains('.', StringComparison.Ordinal) == isIPv4).ToDictionary(
            pair => pair.Key,
            pair => pair.Value is null ? null : new AddressAllocationWire
            {
                Owner = pair.Value,
                Resource = node.PoolAddresses.TryGetValue(pair.Key, out var resource) && resource.Length > 0 ? resource : null,
            });
        return used.Count == 0 ? null : used;
    }

    private static CiliumNodeIpamWire? IpamOf(CiliumNodeContent content) => content.PodCidrs is null && content.Watermarks is null ? null : new CiliumNodeIpamWire
    {
        PodCIDRs = content.PodCidrs?.Select(cidr => cidr.ToString()).ToList(),
        PreAllocate = content.Watermarks?.PreAllocate,
        MinAllocate = content.Watermarks?.MinAllocate,
        MaxAllocate = content.Watermarks?.MaxAllocate,
        MaxAboveWatermark = content.Watermarks?.MaxAboveWatermark,
    };

    private static NodeEniSpecWire EniOf(NodeInstance instance) => new()
    {
        InstanceType = instance.Type,
        AvailabilityZone = instance.Zone,
        VpcId = instance.Network,
        NodeSubnetId = instance.SubnetId,
        FirstInterfaceIndex = instance.FirstInterfaceIndex,
        SecurityGroups = [.. instance.SecurityGroups],
        SecurityGroupTags = new Dictionary<string, string>(instance.SecurityGroupTags),
        SubnetIds = [.. instance.SubnetIds],
        SubnetTags = new Dictionary<string, string>(instance.SubnetTags),
        ExcludeInterfaceTags = new Dictionary<string, string>(instance.ExcludedTags),
        DeleteOnTermination = instance.DeletesOnTermination,
        DisablePrefixDelegation = instance.DisablesPrefixes,
    };

    private static string? TextOf(IpAddr address) => address.IsNone ? null : address.ToString();

    private static CiliumNodeWire New(string name, string nodeUid, StringMap labels, CiliumNodeSpecWire spec) => new()
    {
        ApiVersion = Resource.CiliumNodes.ApiVersion,
        Kind = Resource.CiliumNodes.Kind,
        Metadata = new MetaWire
        {
            Name = name,
            Labels = labels.Count == 0 ? null : new Dictionary<string, string>(labels),
            OwnerReferences = nodeUid.Length == 0 ? null : [new OwnerWire { ApiVersion = "v1", Kind = "Node", Name = name, Uid = nodeUid }],
        },
        Spec = spec,
    };
}
