using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Addresses;

/// <summary>Endpoints and nodes in; the identity and the tunnel endpoint of their addresses out, and whose all others are.</summary>
/// <remarks>Addresses that policies know of, of rules and of the API server, come into the same book from the loop of policies, in its order.</remarks>
internal sealed class AddressDerivation(
    AgentTables tables, AgentOptions options, LocalNodeRow self, AddressBook book, TimeProvider time, SharedRows<IpCacheRow[]>? shared = null)
    : IAgentLoop
{
    public string Name => "ipcache";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Kubernetes.CiliumEndpoints.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.Kubernetes.CiliumNodes.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        using var own = tables.Endpoints.Subscribe();
        using var identities = tables.EndpointIdentities.Subscribe();
        using var others = tables.Kubernetes.CiliumEndpoints.Subscribe();
        using var nodes = tables.Kubernetes.CiliumNodes.Subscribe();
        var wakeup = new Wakeup(time, own.WaitAsync, identities.WaitAsync, others.WaitAsync, nodes.WaitAsync);
        tables.Store.Write(transaction => book.Change(transaction, ClaimSelfAndWorld));
        while (true)
        {
            var touched = own.Drain().Select(change => change.Key).Concat(identities.Drain().Select(change => change.Key)).Distinct().ToList();
            var (changedOthers, changedNodes) = (others.Drain(), nodes.Drain());
            tables.Store.Write(transaction => book.Change(transaction, claims =>
            {
                foreach (var id in touched)
                {
                    ClaimEndpoint(claims, id);
                }

                foreach (var change in changedOthers)
                {
                    if (change.Previous is { } previous)
                    {
                        claims.Change(SourceOf(previous), RowsOf(previous), []);
                    }

                    if (change.Current is { } row)
                    {
                        claims.Change(SourceOf(row), [], RowsOf(row));
                    }
                }

                foreach (var change in changedNodes)
                {
                    ClaimNode(claims, change.Key, change.Current);
                }
            }));
            tables.Datapath.IpCache.CompleteInitializer(AgentInitializers.Addresses);
            await wakeup.WaitAsync(null, cancellationToken).ConfigureAwait(false);
        }
    }

    private static IEnumerable<IpAddr> Present(params IpAddr[] addresses) => addresses.Where(address => !address.IsNone);

    // An address is given to the next pod at once, while the end of the one before may be told late: the newer object is believed.
    private static ClaimSource SourceOf(CiliumEndpointRow row) => new(
        AddressSource.CiliumEndpoint, row.Namespace, row.Name, (uint)Math.Clamp(row.CreatedAt.ToUnixTimeSeconds(), 0, uint.MaxValue));

    private void ClaimSelfAndWorld(AddressClaims claims)
    {
        claims.Set(AddressSource.Host, "", [.. Present(self.IPv4, self.IPv6, self.RouterIPv4, self.RouterIPv6)
            .Select(address => new IpCacheRow { Prefix = Prefix.Of(address), Identity = Identity.Host })]);
        var world = new List<IpCacheRow>(2);
        var isDualStack = options.Cluster.IsDualStack;
        if (options.Datapath.EnableIPv4)
        {
            world.Add(new IpCacheRow { Prefix = new Prefix(IpAddr.FromIPv4(0), 0), Identity = isDualStack ? Identity.WorldIPv4 : Identity.World });
        }

        if (options.Datapath.EnableIPv6)
        {
            world.Add(new IpCacheRow { Prefix = new Prefix(IpAddr.None, 0), Identity = isDualStack ? Identity.WorldIPv6 : Identity.World });
        }

        claims.Set(AddressSource.World, "", [.. world]);
    }

    private void ClaimEndpoint(AddressClaims claims, EndpointId id)
    {
        if (!tables.Endpoints.TryGet(id, out var endpoint) || !tables.EndpointIdentities.TryGet(id, out var identity))
        {
            claims.Set(AddressSource.LocalEndpoint, id.ToString());
            return;
        }

        claims.Set(
            AddressSource.LocalEndpoint,
            id.ToString(),
            [.. endpoint.Addresses().Select(address => new IpCacheRow { Prefix = Prefix.Of(address), Identity = identity.Identity })]);
    }

    private IpCacheRow[] RowsOf(CiliumEndpointRow row)
    {
        // What this node's own objects say was derived from our endpoints; the endpoints themselves are nearer the truth.
        if (row.NodeIP.IsNone || row.NodeIP == self.IPv4 || row.NodeIP == self.IPv6 || row.Identity == Identity.Unknown)
        {
            return [];
        }

        return shared is null ? RowsOfRemote(row) : shared.Of(row, RowsOfRemote);
    }

    private IpCacheRow[] RowsOfRemote(CiliumEndpointRow row) =>
    [
        .. row.Addresses.Select(address => new IpCacheRow
        {
            Prefix = Prefix.Of(address),
            Identity = row.Identity,
            TunnelEndpoint = options.Datapath.EnableTunnel ? row.NodeIP : IpAddr.None,
        }),
    ];

    private void ClaimNode(AddressClaims claims, string name, CiliumNodeRow? node)
    {
        if (node is null || name == self.Name)
        {
            claims.Set(AddressSource.Node, name);
            claims.Set(AddressSource.PodRange, name);
            return;
        }

        var rows = shared is null ? RowsOfRemote(node) : shared.Of(node, RowsOfRemote);
        claims.Set(AddressSource.Node, name, [.. rows.Where(row => row.Identity != Identity.Unknown)]);
        claims.Set(AddressSource.PodRange, name, [.. rows.Where(row => row.Identity == Identity.Unknown)]);
    }

    /// <summary>A node's addresses, and its pod ranges with no identity.</summary>
    private IpCacheRow[] RowsOfRemote(CiliumNodeRow node)
    {
        var tunnel = NodeDerivationRules.TunnelEndpointOf(node, options.Datapath);
        var rows = new List<IpCacheRow>();
        foreach (var address in node.Addresses)
        {
            // The router's address is among the pods, so it is reached as they are.
            rows.Add(new IpCacheRow
            {
                Prefix = Prefix.Of(address.Address),
                Identity = Identity.RemoteNode,
                TunnelEndpoint = address.Type == NodeAddress.CiliumInternalIP ? tunnel : IpAddr.None,
            });
        }

        foreach (var address in node.HealthIPs)
        {
            rows.Add(new IpCacheRow { Prefix = Prefix.Of(address), Identity = Identity.Health, TunnelEndpoint = tunnel });
        }

        if (!tunnel.IsNone)
        {
            rows.AddRange(node.AllPodCidrs.Select(prefix => new IpCacheRow { Prefix = prefix, Identity = Identity.Unknown, TunnelEndpoint = tunnel }));
        }

        return [.. rows];
    }
}
