using Cilium.ControlPlane.Agent;
using Cilium.Core.Tables;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Services;

/// <summary>Services and endpoint slices in, frontends with their backends out; a change costs what its service costs.</summary>
/// <remarks>It does not wait for the node's own addresses: cluster addresses come first, what is served on the node's own follows.</remarks>
internal sealed class ServiceDerivation(AgentTables tables, AgentOptions options, TimeProvider time, ILogger<FrontendClaims> logger) : IAgentLoop
{
    private const int ServicesAtOnce = 500;
    // A service that is gone comes last until it is derived again.
    private readonly FrontendClaims _claims = new(
        tables.Datapath.Frontends, name => tables.Kubernetes.Services.TryGet(name, out var service) ? service.CreatedAt : DateTimeOffset.MaxValue, logger);
    private Core.IpAddr[]? _ownAddresses;
    private readonly Dictionary<NamespacedName, List<NamespacedName>> _slicesOf = [];
    private readonly Dictionary<NamespacedName, L4Address[]> _frontendsOf = [];

    public string Name => "services";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Kubernetes.Services.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.Kubernetes.EndpointSlices.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        using var services = tables.Kubernetes.Services.Subscribe();
        using var slices = tables.Kubernetes.EndpointSlices.Subscribe();
        using var node = tables.LocalNode.Subscribe();
        var wakeup = new Wakeup(time, services.WaitAsync, slices.WaitAsync, node.WaitAsync);
        var isNodeKnown = false;
        while (true)
        {
            var touched = services.Drain().Select(change => change.Key).ToHashSet();
            foreach (var change in slices.Drain())
            {
                FollowSlice(change, touched);
            }

            if (node.Drain() is [.., { Current: { } self }])
            {
                isNodeKnown = true;
                FollowNode(self, touched);
            }

            // In parts: the maps take the first ones while the next are computed. Services that may want what another one has by right come last.
            foreach (var part in touched.OrderBy(MayWantOthers).Chunk(ServicesAtOnce))
            {
                tables.Store.Write(transaction =>
                {
                    foreach (var service in part)
                    {
                        Derive(transaction, service);
                    }
                });
            }

            _claims.TellConflicts();

            if (isNodeKnown)
            {
                tables.Datapath.Frontends.CompleteInitializer(AgentInitializers.Services);
            }

            await wakeup.WaitAsync(null, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool MayWantOthers(NamespacedName name) => tables.Kubernetes.Services.TryGet(name, out var service) && service.ExternalIPs.Count > 0;

    private void FollowNode(LocalNodeRow self, HashSet<NamespacedName> touched)
    {
        var (datapath, before) = (options.Datapath, _ownAddresses);
        _ownAddresses = datapath.EnableNodePort
            ? [.. new[] { datapath.EnableIPv4 ? self.IPv4 : default, datapath.EnableIPv6 ? self.IPv6 : default }.Where(own => !own.IsNone)]
            : null;
        if (_ownAddresses is not null && (before is null || !before.SequenceEqual(_ownAddresses)))
        {
            touched.UnionWith(tables.Kubernetes.Services.Snapshot().Keys);
        }
    }

    private void FollowSlice(TableChange<NamespacedName, EndpointSliceRow> change, HashSet<NamespacedName> touched)
    {
        if (change.Previous is { } previous && previous.Service != change.Current?.Service)
        {
            touched.Add(previous.Service);
            if (_slicesOf.TryGetValue(previous.Service, out var former) && former.Remove(change.Key) && former.Count == 0)
            {
                _slicesOf.Remove(previous.Service);
            }
        }

        if (change.Current is { ServiceName.Length: > 0 } current)
        {
            touched.Add(current.Service);
            if (!_slicesOf.TryGetValue(current.Service, out var present))
            {
                _slicesOf[current.Service] = present = new List<NamespacedName>(1);
            }

            if (!present.Contains(change.Key))
            {
                present.Add(change.Key);
            }
        }
    }

    private void Derive(WriteTransaction transaction, NamespacedName name)
    {
        IReadOnlyList<FrontendRow> frontends = [];
        // The objects may be in a store of their own, which agents of one process have in common.
        if (tables.Kubernetes.Services.TryGet(name, out var service))
        {
            var slices = new List<EndpointSliceRow>();
            foreach (var key in _slicesOf.GetValueOrDefault(name) ?? [])
            {
                if (tables.Kubernetes.EndpointSlices.TryGet(key, out var slice))
                {
                    slices.Add(slice);
                }
            }

            frontends = ServiceFrontends.Of(service, slices, options.NodeName, options.ServiceProxyName, _ownAddresses);
        }

        _frontendsOf.Remove(name, out var before);
        foreach (var gone in before ?? [])
        {
            if (!frontends.Any(row => row.Address == gone))
            {
                _claims.Remove(transaction, gone, name);
            }
        }

        foreach (var row in frontends)
        {
            _claims.Set(transaction, row);
        }

        if (frontends.Count > 0)
        {
            _frontendsOf[name] = [.. frontends.Select(row => row.Address)];
        }
    }
}
