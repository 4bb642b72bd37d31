using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Addresses;

/// <summary>The addresses of the Kubernetes API server, from the endpoints of <c>default/kubernetes</c>, and their identities.</summary>
/// <remarks>
/// On this node: the host's identity with a further label. On another node: identity 7. Outside the cluster: a local identity with the labels
/// of its address and <c>reserved:kube-apiserver</c>. Not thread-safe.
/// </remarks>
internal sealed class ApiServerAddresses(AgentTables tables, AgentOptions options, PolicyEngine engine, LocalIdentityAllocator localIdentities)
{
    private readonly Dictionary<IpAddr, KnownIdentity> _outside = [];
    private bool _isHere;

    /// <summary>True for a slice that names the API server.</summary>
    public static bool IsIn(EndpointSliceRow? slice) => slice is { Namespace: "default", ServiceName: "kubernetes" };

    /// <summary>The rows of all its addresses that are not this node's.</summary>
    public IReadOnlyList<IpCacheRow> Rows(LocalNodeRow self)
    {
        var addresses = tables.Kubernetes.EndpointSlices.Snapshot().Values.Where(IsIn)
            .SelectMany(slice => slice.Endpoints).SelectMany(endpoint => endpoint.Addresses).ToHashSet();
        var onNodes = tables.Kubernetes.CiliumNodes.Snapshot().Values
            .SelectMany(node => node.Addresses).Select(address => address.Address).ToHashSet();
        var rows = new List<IpCacheRow>();
        var isHere = false;
        var outside = new HashSet<IpAddr>();
        foreach (var address in addresses)
        {
            if (address == self.IPv4 || address == self.IPv6)
            {
                isHere = true;
            }
            else if (onNodes.Contains(address))
            {
                rows.Add(new IpCacheRow { Prefix = Prefix.Of(address), Identity = Identity.KubeApiServer });
            }
            else
            {
                outside.Add(address);
                rows.Add(new IpCacheRow { Prefix = Prefix.Of(address), Identity = IdentityOutside(address) });
            }
        }

        foreach (var gone in _outside.Keys.Where(address => !outside.Contains(address)).ToList())
        {
            _outside.Remove(gone, out var known);
            if (localIdentities.Release(known!.Labels))
            {
                engine.RemoveIdentity(known.Id);
            }
        }

        if (isHere != _isHere)
        {
            _isHere = isHere;
            engine.UpsertIdentity(Identity.Host, isHere ? ReservedIdentities.HostWithKubeApiServer : ReservedIdentities.LabelsOf(Identity.Host));
        }

        return rows;
    }

    private Identity IdentityOutside(IpAddr address)
    {
        if (!_outside.TryGetValue(address, out var known))
        {
            var labels = CidrLabels.Of(Prefix.Of(address), options.Cluster)
                .Append(new Label(Label.SourceReserved, Identity.KubeApiServer.ReservedName!, ""));
            known = localIdentities.Acquire(LabelSet.Create(labels));
            _outside.Add(address, known);
            engine.UpsertIdentity(known.Id, known.Labels);
        }

        return known.Id;
    }
}
