using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.Kubernetes;

/// <summary>A CiliumNode: what a node tells the others about its networking.</summary>
public sealed record CiliumNodeRow
{
    /// <summary>The name of the node.</summary>
    public required string Name { get; init; }

    /// <summary>The object's uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary>The node's addresses, the router address as <see cref="NodeAddress.CiliumInternalIP"/> included.</summary>
    public EquatableArray<NodeAddress> Addresses { get; init; }

    /// <summary>The CIDRs from which the node gives pods addresses, as written and valid.</summary>
    public EquatableArray<Prefix> PodCidrs { get; init; }

    /// <summary>The entries of <c>spec.ipam.podCIDRs</c> that are no prefixes.</summary>
    public EquatableArray<string> InvalidPodCidrs { get; init; }

    /// <summary>The version of the object, over which a change that was decided from this row is written.</summary>
    public string ResourceVersion { get; init; } = "";

    /// <summary>The CIDRs that the node holds of each pool (mode <c>multi-pool</c>).</summary>
    public EquatableArray<PoolCidrs> AllocatedPools { get; init; }

    /// <summary>The addresses that the node needs of each pool (mode <c>multi-pool</c>).</summary>
    public EquatableArray<PoolDemand> RequestedPools { get; init; }

    /// <summary>The single addresses that the node may give to pods, with the resource each belongs to (modes <c>crd</c> and <c>eni</c>).</summary>
    public StringMap PoolAddresses { get; init; } = StringMap.Empty;

    /// <summary>The owners of the addresses in use (modes <c>crd</c> and <c>eni</c>).</summary>
    public StringMap UsedAddresses { get; init; } = StringMap.Empty;

    /// <summary>How far the release of each address has come: <c>marked-for-release</c>, <c>ready-for-release</c>, ... (modes <c>crd</c> and <c>eni</c>).</summary>
    public StringMap ReleaseAddresses { get; init; } = StringMap.Empty;

    /// <summary>What the node is in AWS (mode <c>eni</c>); its id is empty while the agent has not told.</summary>
    public NodeInstance Instance { get; init; } = new();

    /// <summary>How many addresses the node keeps ready (mode <c>eni</c>).</summary>
    public AddressWatermarks Watermarks { get; init; } = new();

    /// <summary>The interfaces of the node, by number (mode <c>eni</c>).</summary>
    public EquatableArray<NodeEni> Interfaces { get; init; } = [];

    /// <summary>Every range of pods behind the node, in whatever mode it was given.</summary>
    public IEnumerable<Prefix> AllPodCidrs => PodCidrs.Concat(AllocatedPools.SelectMany(pool => pool.Cidrs));

    /// <summary>The addresses of the health endpoint, or <see cref="IpAddr.None"/>.</summary>
    public EquatableArray<IpAddr> HealthIPs { get; init; }

    /// <summary>The addresses of the ingress proxy.</summary>
    public EquatableArray<IpAddr> IngressIPs { get; init; }

    /// <summary>The index of the key with which the node encrypts; 0 for none.</summary>
    public byte EncryptionKey { get; init; }

    /// <summary>The boot id of the node; empty when unknown.</summary>
    public string BootId { get; init; } = "";

    /// <summary>The operator's complaint in <c>status.ipam.operator-status.error</c>; empty when none.</summary>
    public string OperatorError { get; init; } = "";

    /// <summary>The labels.</summary>
    public StringMap Labels { get; init; } = StringMap.Empty;

    /// <summary>The annotations with <c>cilium.io</c> in their keys.</summary>
    public StringMap Annotations { get; init; } = StringMap.Empty;

    /// <summary>The first address of a type and family, or <see cref="IpAddr.None"/>.</summary>
    public IpAddr AddressOf(string type, bool ipv4)
    {
        foreach (var address in Addresses)
        {
            if (address.Type == type && address.Address.IsIPv4 == ipv4)
            {
                return address.Address;
            }
        }

        return IpAddr.None;
    }
}
