using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Addresses;

/// <summary>The addresses of the Kubernetes API server, from the endpoints of <c>default/kubernetes</c>, and their identities.</summary>
/// <remarks>
/// On this node: the host's identity with a further label. On another node: identity 7. Outside the cluster: a local identity with the labels
/// of its address and <c>reserved:kube-apiserver</c>. Identities are told to the engine of the loop that calls, which commits them and then
/// has the addresses written, so that no address has an identity that policies do not know yet. Not thread-safe.
/// </remarks>
internal sealed class ApiServerAddresses(AgentTables tables, AgentOptions options, LocalNodeRow self, PolicyEngine engine, LocalIdentityAllocator localIdentities)
{
    private readonly Dictionary<IpAddr, KnownIdentity> _outside = [];
    private IReadOnlyList<IpCacheRow>? _unwritten;
    private bool _isHere;

    /// <summary>Tells the engine the identities of its addresses as they are now; without effect when no change can touch them.</summary>
    public void Follow(
        IReadOnlyList<TableChange<NamespacedName, EndpointSliceRow>> slices, IReadOnlyList<TableChange<string, CiliumNodeRow>> nodes)
    {
        if (nodes.Count > 0 || slices.Any(change => IsIn(change.Current ?? change.Previous)))
        {
            _unwritten = Rows();
        }
    }

    /// <summary>Writes what <see cref="Follow"/> found: the rows of all its addresses that are not this node's.</summary>
    public void Write(WriteTransaction transaction)
    {
        if (_unwritten is not { } rows)
        {
            return;
        }

        _unwritten = null;
        var wanted = rows.Select(row => row.Prefix).ToHashSet();
        foreach (var gone in tables.ApiServerAddresses.Snapshot().Keys.Where(prefix => !wanted.Contains(prefix)))
        {
            transaction.Delete(tables.ApiServerAddresses, gone);
        }

        foreach (var row in rows)
        {
            transaction.Upsert(tables.ApiServerAddresses, row);
        }
    }

    private static bool IsIn(EndpointSliceRow? slice) => slice is { Namespace: "default", ServiceName: "kubernetes" };

    private List<IpCacheRow> Rows()
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
