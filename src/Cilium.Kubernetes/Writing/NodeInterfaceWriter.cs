using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;

namespace Cilium.Kubernetes;

/// <summary>Writes to CiliumNodes what the operator knows of their interfaces in AWS, and the addresses that they may give (mode <c>eni</c>).</summary>
/// <remarks>Thread-safe. Refusals of the server are <see cref="KubernetesException"/>.</remarks>
public sealed class NodeInterfaceWriter
{
    private readonly KubernetesObjects _objects;

    /// <summary>Makes a writer over a connection.</summary>
    public NodeInterfaceWriter(KubernetesConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _objects = new KubernetesObjects(connection);
    }

    /// <summary>Sets the interfaces, the operator's complaint and states of releases, in one write; nothing is written when all is so already.</summary>
    /// <param name="node">The CiliumNode as it was seen.</param>
    /// <param name="interfaces">All interfaces.</param>
    /// <param name="releases">The state of each release that changed; null to remove it.</param>
    /// <param name="error">What is wrong; empty when all is well.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public async Task SetStatusAsync(
        CiliumNodeRow node, IReadOnlyList<NodeEni> interfaces, IReadOnlyDictionary<string, string?> releases, string error, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(node);
        var known = node.Interfaces.ToDictionary(eni => eni.Id);
        var enis = interfaces.Where(eni => !known.TryGetValue(eni.Id, out var same) || same != eni).ToDictionary(eni => eni.Id, EniWire? (eni) => WireOf(eni));
        foreach (var gone in known.Keys.Except(interfaces.Select(eni => eni.Id)))
        {
            enis[gone] = null;
        }

        if (enis.Count == 0 && releases.Count == 0 && error == node.OperatorError)
        {
            return;
        }

        var patch = new CiliumNodeWire
        {
            Status = new CiliumNodeStatusWire
            {
                Eni = enis.Count == 0 ? null : new NodeEniStatusWire { Enis = enis },
                Ipam = new CiliumNodeIpamStatusWire
                {
                    ReleaseIps = releases.Count == 0 ? null : new Dictionary<string, string?>(releases),
                    OperatorStatus = new OperatorStatusWire { Error = error },
                },
            },
        };
        await PatchAsync(node.Name, "status", patch, cancellationToken);
    }

    /// <summary>Sets the addresses that the node may give, with the interface of each; nothing is written when all is so already.</summary>
    public async Task SetPoolAsync(CiliumNodeRow node, IReadOnlyDictionary<string, string> pool, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(node);
        var changes = pool.Where(pair => !node.PoolAddresses.TryGetValue(pair.Key, out var same) || same != pair.Value)
            .ToDictionary(pair => pair.Key, AddressAllocationWire? (pair) => new AddressAllocationWire { Resource = pair.Value });
        foreach (var gone in node.PoolAddresses.Keys.Where(address => !pool.ContainsKey(address)))
        {
            changes[gone] = null;
        }

        if (changes.Count > 0)
        {
            await PatchAsync(node.Name, "", new CiliumNodeWire { Spec = new CiliumNodeSpecWire { Ipam = new CiliumNodeIpamWire { Pool = changes } } }, cancellationToken);
        }
    }

    private Task<CiliumNodeWire?> PatchAsync(string node, string subresource, CiliumNodeWire patch, CancellationToken cancellationToken) => _objects.PatchAsync(
        Resource.CiliumNodes, new NamespacedName("", node), subresource, KubernetesObjects.MergePatch, patch, WireJson.Default.CiliumNodeWire, cancellationToken);

    private static EniWire WireOf(NodeEni eni) => new()
    {
        Id = eni.Id,
        Ip = eni.Address.IsNone ? null : eni.Address.ToString(),
        Mac = eni.Mac.ToString(),
        AvailabilityZone = eni.Zone,
        Description = eni.Description,
        Number = eni.Number,
        Subnet = new EniSubnetWire { Id = eni.SubnetId, Cidr = eni.SubnetCidr.ToString() },
        Vpc = new EniVpcWire
        {
            Id = eni.Network,
            PrimaryCidr = eni.NetworkCidrs.Count == 0 ? null : eni.NetworkCidrs[0].ToString(),
            Cidrs = [.. eni.NetworkCidrs.Select(cidr => cidr.ToString())],
        },
        Addresses = [.. eni.Addresses.Select(address => address.ToString())],
        Prefixes = [.. eni.Prefixes.Select(prefix => prefix.ToString())],
        SecurityGroups = [.. eni.SecurityGroups],
        Tags = new Dictionary<string, string>(eni.Tags),
    };
}
