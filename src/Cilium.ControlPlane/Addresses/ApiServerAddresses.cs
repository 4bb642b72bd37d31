using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Nodes;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Addresses;

/// <summary>The addresses of the Kubernetes API server, from the endpoints of <c>default/kubernetes</c>, and their identities.</summary>
/// <remarks>
/// On this node, by whichever of its addresses: the host's identity with a further label. On another node: identity 7. Outside the cluster: a local identity with the labels
/// of its address and <c>reserved:kube-apiserver</c>. Identities are told to the engine of the loop that calls, which commits them, has the
/// addresses written once policies know them, and those that are gone withdrawn and forgotten in its order. Not thread-safe.
/// </remarks>
internal sealed class ApiServerAddresses(
    AgentTables tables,
    AgentOptions options,
    LocalNodeRow self,
    AddressBook book,
    PolicyEngine engine,
    LocalIdentityAllocator localIdentities,
    ILocalDevices devices)
{
    private readonly Dictionary<IpAddr, KnownIdentity> _outside = [];
    private readonly Dictionary<IpAddr, Identity> _written = [];
    private List<IpCacheRow> _added = [];
    private List<IpAddr> _gone = [];
    private HashSet<IpAddr> _isOutside = [];
    private bool _isHere;

    /// <summary>Whether there are addresses to write.</summary>
    public bool HasAdded => _added.Count > 0;

    /// <summary>Whether there are addresses to withdraw.</summary>
    public bool HasGone => _gone.Count > 0;

    /// <summary>Tells the engine the identities of its addresses as they are now; without effect when no change can touch them.</summary>
    public void Follow(
        IReadOnlyList<TableChange<NamespacedName, EndpointSliceRow>> slices, IReadOnlyList<TableChange<string, CiliumNodeRow>> nodes)
    {
        if (MayChangeBy(slices, nodes, self.Name))
        {
            var rows = Rows();
            _added = rows.FindAll(row => _written.GetValueOrDefault(row.Prefix.Address) != row.Identity);
            _gone = [.. _written.Keys.Except(rows.Select(row => row.Prefix.Address))];
        }
    }

    /// <summary>Claims the addresses that are new, or somebody else now. Those of this node are the host's.</summary>
    public void Write(WriteTransaction transaction)
    {
        book.Change(transaction, claims =>
        {
            foreach (var row in _added)
            {
                _written[row.Prefix.Address] = row.Identity;
                claims.Set(AddressSource.KubeApiServer, row.Prefix.ToString(), row);
            }
        });
        _added = [];
    }

    /// <summary>Withdraws the addresses that are not its own any more.</summary>
    public void Withdraw(WriteTransaction transaction)
    {
        book.Change(transaction, claims =>
        {
            foreach (var address in _gone)
            {
                _written.Remove(address);
                claims.Set(AddressSource.KubeApiServer, Prefix.Of(address).ToString());
            }
        });
        _gone = [];
    }

    /// <summary>Tells the engine that identities are gone, once no packet has them; true when there were any.</summary>
    public bool Forget()
    {
        var unused = _outside.Where(entry => !_isOutside.Contains(entry.Key)).ToList();
        foreach (var (address, known) in unused)
        {
            _outside.Remove(address);
            if (localIdentities.Release(known.Labels))
            {
                engine.RemoveIdentity(known.Id);
            }
        }

        return unused.Count > 0;
    }

    /// <summary>Whether changes can touch an address: of the slices in question, of addresses of nodes, or of this node, whose devices may be others now.</summary>
    internal static bool MayChangeBy(
        IReadOnlyList<TableChange<NamespacedName, EndpointSliceRow>> slices, IReadOnlyList<TableChange<string, CiliumNodeRow>> nodes, string self) =>
        slices.Any(change => IsIn(change.Current ?? change.Previous))
        || nodes.Any(change => change.Key == self || change.Previous?.Addresses != change.Current?.Addresses);

    private static bool IsIn(EndpointSliceRow? slice) => slice is { Namespace: "default", ServiceName: "kubernetes" };

    private List<IpCacheRow> Rows()
    {
        var addresses = tables.Kubernetes.EndpointSlices.Snapshot().Values.Where(IsIn)
            .SelectMany(slice => slice.Endpoints).SelectMany(endpoint => endpoint.Addresses).ToHashSet();
        var nodes = tables.Kubernetes.CiliumNodes.Snapshot();
        var ofThisNode = nodes.TryGet(self.Name, out var own) ? own.Addresses.Select(address => address.Address).ToHashSet() : [];
        var onNodes = nodes.Values.SelectMany(node => node.Addresses).Select(address => address.Address).ToHashSet();
        var rows = new List<IpCacheRow>();
        var isHere = false;
        var outside = new HashSet<IpAddr>();
        foreach (var address in addresses)
        {
            if (address == self.IPv4 || address == self.IPv6 || devices.DeviceOf(address) is not null)
            {
                // The datapath has every address of every device as the host's.
                isHere = true;
            }
            else if (ofThisNode.Contains(address))
            {
                // One that somebody before the node translates is on no device.
                isHere = true;
                rows.Add(new IpCacheRow { Prefix = Prefix.Of(address), Identity = Identity.Host });
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

        _isOutside = outside;
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
            known = localIdentities.Acquire(LabelSet.Create(labels), Prefix.Of(address));
            _outside.Add(address, known);
            engine.UpsertIdentity(known.Id, known.Labels);
        }

        return known.Id;
    }
}
