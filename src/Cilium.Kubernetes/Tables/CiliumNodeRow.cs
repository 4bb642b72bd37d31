using Cilium.Core;

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
