using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Addresses;

/// <summary>Endpoints, nodes and rules in; the identity and the tunnel endpoint of every known address out.</summary>
internal sealed class AddressDerivation(AgentTables tables, AgentOptions options, LocalNodeRow self, TimeProvider time, SharedRows<IpCacheRow[]>? shared = null)
    : IAgentLoop
{
    private readonly AddressClaims _claims = new();

    public string Name => "ipcache";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Kubernetes.CiliumEndpoints.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.Kubernetes.CiliumNodes.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.RuleAddresses.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.ApiServerAddresses.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        using var own = tables.Endpoints.Subscribe();
        using var identities = tables.EndpointIdentities.Subscribe();
        using var others = tables.Kubernetes.CiliumEndpoints.Subscribe();
        using var nodes = tables.Kubernetes.CiliumNodes.Subscribe();
        using var rules = tables.RuleAddresses.Subscribe();
        using var apiServer = tables.ApiServerAddresses.Subscribe();
        var wakeup = new Wakeup(time, own.WaitAsync, identities.WaitAsync, others.WaitAsync, nodes.WaitAsync, rules.WaitAsync, apiServer.WaitAsync);
        ClaimSelfAndWorld();
        while (true)
        {
            foreach (var id in own.Drain().Select(change => change.Key).Concat(identities.Drain().Select(change => change.Key)).Distinct())
            {
                ClaimEndpoint(id);
            }

            foreach (var change in others.Drain())
            {
                _claims.Change(
                    new ClaimSource(AddressSource.CiliumEndpoint, change.Key.Namespace, change.Key.Name),
                    change.Previous is { } previous ? RowsOf(previous) : [],
                    change.Current is { } row ? RowsOf(row) : []);
            }

            foreach (var change in nodes.Drain())
            {
                ClaimNode(change.Key, change.Current);
            }

            foreach (var change in rules.Drain())
            {
                _claims.Set(
                    AddressSource.Rule,
                    change.Key.ToString(),
                    change.Current is { } row ? [new IpCacheRow { Prefix = row.Prefix, Identity = row.Identity }] : []);
            }

            foreach (var change in apiServer.Drain())
            {
                _claims.Set(AddressSource.KubeApiServer, change.Key.ToString(), change.Current is { } row ? [row] : []);
            }

            Carry();
            tables.Datapath.IpCache.CompleteInitializer(AgentInitializers.Addresses);
            await wakeup.WaitAsync(null, cancellationToken).ConfigureAwait(false);
        }
    }

    private static IEnumerable<IpAddr> Present(params IpAddr[] addresses) => addresses.Where(address => !address.IsNone);

    private void ClaimSelfAndWorld()
    {
        _claims.Set(AddressSource.Host, "", [.. Present(self.IPv4, self.IPv6, self.RouterIPv4, self.RouterIPv6)
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

        _claims.Set(AddressSource.World, "", [.. world]);
    }

    private void ClaimEndpoint(EndpointId id)
    {
        if (!tables.Endpoints.TryGet(id, out var endpoint) || !tables.EndpointIdentities.TryGet(id, out var identity))
        {
            _claims.Set(AddressSource.LocalEndpoint, id.ToString());
            return;
        }

        _claims.Set(
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

    private void ClaimNode(string name, CiliumNodeRow? node)
    {
        if (node is null || name == self.Name)
        {
            _claims.Set(AddressSource.Node, name);
            _claims.Set(AddressSource.PodRange, name);
            return;
        }

        var rows = shared is null ? RowsOfRemote(node) : shared.Of(node, RowsOfRemote);
        _claims.Set(AddressSource.Node, name, [.. rows.Where(row => row.Identity != Identity.Unknown)]);
        _claims.Set(AddressSource.PodRange, name, [.. rows.Where(row => row.Identity == Identity.Unknown)]);
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

    private void Carry()
    {
        var changes = _claims.TakeChanges();
        tables.Store.Write(transaction =>
        {
            foreach (var (prefix, row) in changes)
            {
                if (row is null)
                {
                    transaction.Delete(tables.Datapath.IpCache, prefix);
                }
                else
                {
                    transaction.Upsert(tables.Datapath.IpCache, row);
                }
            }
        });
    }
}
