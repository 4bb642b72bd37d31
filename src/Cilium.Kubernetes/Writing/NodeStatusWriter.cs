using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;

namespace Cilium.Kubernetes;

/// <summary>Tells Kubernetes that a node's network works: the condition, and the taint that kept pods away.</summary>
/// <remarks>Thread-safe. Refusals of the server are <see cref="KubernetesException"/>.</remarks>
public sealed class NodeStatusWriter
{
    /// <summary>The taint by which nodes are born when pods must wait for the agent.</summary>
    public const string AgentNotReadyTaint = "node.cilium.io/agent-not-ready";

    private readonly KubernetesObjects _objects;

    /// <summary>Makes a writer over a connection.</summary>
    public NodeStatusWriter(KubernetesConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _objects = new KubernetesObjects(connection);
    }

    /// <summary>Sets the condition <c>NetworkUnavailable</c> to <c>False</c> by reason <c>CiliumIsUp</c>.</summary>
    /// <returns>False when the node is gone.</returns>
    public async Task<bool> SetNetworkUpAsync(string nodeName, CancellationToken cancellationToken)
    {
        var now = _objects.Now();
        var patch = new NodeWire
        {
            Status = new NodeStatusWire
            {
                Conditions =
                [
                    new ConditionWire
                    {
                        Type = "NetworkUnavailable",
                        Status = "False",
                        Reason = "CiliumIsUp",
                        Message = "Cilium is running on this node",
                        LastTransitionTime = now,
                        LastHeartbeatTime = now,
                    },
                ],
            },
        };
        return await _objects.PatchAsync(
            Resource.Nodes, new NamespacedName("", nodeName), "status", KubernetesObjects.StrategicMergePatch, patch, WireJson.Default.NodeWire, cancellationToken) is not null;
    }

    /// <summary>Removes all taints of a key; a node without it is left alone.</summary>
    /// <returns>False when the node is gone.</returns>
    public Task<bool> RemoveTaintAsync(string nodeName, string taintKey, CancellationToken cancellationToken) => _objects.ChangeAsync(
        Resource.Nodes,
        new NamespacedName("", nodeName),
        "",
        WireJson.Default.NodeWire,
        node =>
        {
            var taints = node.Spec?.Taints ?? [];
            return !taints.Exists(taint => taint.Key == taintKey) ? null : new NodeWire
            {
                Metadata = new MetaWire { ResourceVersion = node.Metadata?.ResourceVersion },
                Spec = new NodeSpecWire { Taints = taints.FindAll(taint => taint.Key != taintKey) },
            };
        },
        cancellationToken);
}
