using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>Writes to CiliumNodes which pod CIDRs they have.</summary>
internal sealed partial class PodCidrLoop
{
    private readonly IReadTable<string, CiliumNodeRow> _nodes;
    private readonly NodePresence _presence;
    private readonly CiliumNodeWriter _writer;
    private readonly PodCidrAssigner _assigner;
    private readonly ILogger _logger;
    private readonly KeyedLoop<string> _loop;

    public PodCidrLoop(
        IReadTable<string, CiliumNodeRow> nodes,
        IReadTable<string, KubeNodeRow> kubeNodes,
        CiliumNodeWriter writer,
        PodCidrAssigner assigner,
        TimeProvider time,
        Random random,
        ILogger logger)
    {
        _nodes = nodes;
        _writer = writer;
        _assigner = assigner;
        _logger = logger;
        _loop = new KeyedLoop<string>("pod-cidrs", HandleAsync, time, random, logger).Watch(nodes).Watch(kubeNodes).Prepare(_ =>
        {
            assigner.Restore(nodes.Snapshot().Values);
            return Task.CompletedTask;
        });
        _presence = new NodePresence(kubeNodes, writer, _loop.Ask);
    }

    public Task RunAsync(CancellationToken cancellationToken) => _loop.RunAsync(cancellationToken);

    private async Task HandleAsync(string name, CancellationToken cancellationToken)
    {
        if (!_nodes.TryGet(name, out var node))
        {
            foreach (var waiting in await _presence.IsGoneAsync(name, cancellationToken) ? _assigner.Release(name) : [])
            {
                _loop.Ask(waiting);
            }

            return;
        }

        if (node.PodCidrs.Count == 0)
        {
            // Another leader may have written to nodes whose turn is still to come.
            _assigner.Observe(_nodes.Snapshot().Values.Where(other => other.PodCidrs.Count > 0));
        }

        var decision = _assigner.Decide(node);
        foreach (var waiting in decision.Retry)
        {
            _loop.Ask(waiting);
        }

        if (decision.PodCidrs != node.PodCidrs)
        {
            if (!await _writer.SetPodCidrsAsync(node, decision.PodCidrs, cancellationToken))
            {
                // Somebody wrote meanwhile, perhaps another leader: the newer version is decided when it is seen, or this one again when there is none.
                _loop.Ask(name);
                return;
            }

            LogAssigned(_logger, name, decision.PodCidrs.ToString());
        }

        if (decision.Error != node.OperatorError)
        {
            await _writer.SetOperatorErrorAsync(name, decision.Error, cancellationToken);
            if (decision.Error.Length > 0)
            {
                LogRefused(_logger, name, decision.Error);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Node {Node} has the pod CIDRs {Cidrs}")]
    private static partial void LogAssigned(ILogger logger, string node, string cidrs);

    [LoggerMessage(2, LogLevel.Warning, "Node {Node}: {Error}")]
    private static partial void LogRefused(ILogger logger, string node, string error);
}
