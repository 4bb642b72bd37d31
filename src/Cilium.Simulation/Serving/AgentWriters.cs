using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Identities;
using Cilium.ControlPlane.Nodes;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Kubernetes;
using Cilium.Simulation.Clusters;
using Microsoft.Extensions.Logging;

namespace Cilium.Simulation.Serving;

/// <summary>The loops of a simulated agent that write to the API server: its CiliumNode and node, identities, CiliumEndpoints.</summary>
internal sealed class AgentWriters : IDisposable
{
    private readonly SimulatedNode _node;
    private readonly KubernetesConnection _connection;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _loggers;
    private readonly AgentReadiness _readiness = new();
    private readonly CrdIdentityAllocator _identities;
    private readonly Reconciler<NamespacedName, CiliumEndpointContent> _endpoints;

    /// <param name="node">The node, with its addresses.</param>
    /// <param name="connection">Its way to the API server.</param>
    /// <param name="random">Where numbers of new identities come from; thread-safe.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Makes loggers.</param>
    internal AgentWriters(SimulatedNode node, KubernetesConnection connection, Random random, TimeProvider time, ILoggerFactory loggers)
    {
        _node = node;
        _connection = connection;
        _time = time;
        _loggers = loggers;
        _identities = new CrdIdentityAllocator(
            connection, node.Tables.Kubernetes.CiliumIdentities, new CrdIdentityAllocatorOptions(), random, loggers.CreateLogger<CrdIdentityAllocator>());
        _endpoints = new Reconciler<NamespacedName, CiliumEndpointContent>(
            node.Tables.CiliumEndpoints,
            new CiliumEndpointOperations(
                node.Tables.Kubernetes.CiliumEndpoints, node.Tables.Kubernetes.Pods, new CiliumEndpointWriter(connection), node.Local),
            new ReconcilerOptions(),
            time,
            loggers.CreateLogger<Reconciler<NamespacedName, CiliumEndpointContent>>());
    }

    /// <summary>Rows that the API server has refused and that wait for a retry.</summary>
    internal int ErrorCount => _endpoints.ErrorCount;

    /// <summary>Whether its node and its CiliumNode say what they must.</summary>
    internal bool HasPublished =>
        _node.Tables.Kubernetes.CiliumNodes.TryGet(_node.Name, out var own) && _node.RouterAddresses.All(own.Addresses.Contains)
        && _node.Tables.Kubernetes.Nodes.TryGet(_node.Name, out var node) && node.NetworkIsUp && !node.Taints.Any(taint => taint.Key == _node.Options.NotReadyTaint);

    /// <summary>Whether every endpoint has an identity of its own.</summary>
    internal bool HasIdentities => _node.Tables.Endpoints.Snapshot().Keys.All(
        id => _node.Tables.EndpointIdentities.TryGet(id, out var row) && row.Identity != Identity.Init && row.Identity != Identity.Unknown);

    /// <summary>Whether its CiliumEndpoints came back as it wrote them.</summary>
    internal bool HasEndpoints
    {
        get
        {
            var own = _node.Tables.CiliumEndpoints.Snapshot();
            return _endpoints.HasPruned && own.Count == _node.Tables.Endpoints.Snapshot().Count && own.Values.All(content =>
                _node.Tables.Kubernetes.CiliumEndpoints.TryGet(content.Key, out var row) && row.Identity == content.Identity && row.Id == content.Id
                && row.Addresses.Contains(content.IPv4.IsNone ? content.IPv6 : content.IPv4));
        }
    }

    /// <summary>Starts telling of the node, which takes pods from here on.</summary>
    internal void Publish()
    {
        var publisher = new NodePublisher(_node.Tables, _node.Options, _connection, _readiness, _time, _loggers.CreateLogger<NodePublisher>());
        _node.Run(publisher.RunAsync);
        _readiness.Complete();
    }

    /// <summary>Starts finding or creating the identities of endpoints.</summary>
    internal void Identify()
    {
        var identities = new EndpointIdentityDerivation(
            _node.Tables,
            _node.Options,
            new ClusterIdentityAllocator(_identities, _time, _loggers.CreateLogger<ClusterIdentityAllocator>()),
            files: null,
            () => _connection.UnreachableReason is not null,
            _time,
            _loggers.CreateLogger<EndpointIdentityDerivation>());
        _node.Run(identities.RunAsync);
    }

    /// <summary>Starts writing CiliumEndpoints.</summary>
    internal void WriteEndpoints()
    {
        _node.Run(new CiliumEndpointDerivation(_node.Tables, _node.Options, _node.Local, _time).RunAsync);
        _node.Run(_endpoints.RunAsync);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _identities.Dispose();
        _connection.Dispose();
    }
}
