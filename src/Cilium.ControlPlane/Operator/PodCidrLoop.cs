using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>Writes to CiliumNodes which pod CIDRs they have.</summary>
internal sealed partial class PodCidrLoop
{
    private readonly IReadTable<string, CiliumNodeRow> _nodes;
    private readonly IReadTable<string, KubeNodeRow> _kubeNodes;
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
        _kubeNodes = kubeNodes;
        _writer = writer;
        _assigner = assigner;
        _logger = logger;
        _loop = new KeyedLoop<string>("pod-cidrs", HandleAsync, time, random, logger).Watch(nodes).Watch(kubeNodes).Prepare(_ =>
        {
            assigner.Restore(nodes.Snapshot().Values);
            return Task.CompletedTask;
        });
    }

    public Task RunAsync(CancellationToken cancellationToken) => _loop.RunAsync(cancellationToken);

    private async Task HandleAsync(string name, CancellationToken cancellationToken)
    {
        if (!_nodes.TryGet(name, out var node))
        {
            await ReleaseAsync(name, cancellationToken);
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

    // While the node lives its pods use the CIDRs: a CiliumNode made anew gets them back. The node's end wakes this loop as well.
    private async Task ReleaseAsync(string name, CancellationToken cancellationToken)
    {
        if (_kubeNodes.TryGet(name, out _))
        {
            return;
        }

        if (await _writer.HasNodeAsync(name, cancellationToken))
        {
            // The table is behind; a node that it never tells of does not wake us when it ends.
            _loop.Ask(name);
            return;
        }

        foreach (var waiting in _assigner.Release(name))
        {
            _loop.Ask(waiting);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Node {Node} has the pod CIDRs {Cidrs}")]
    private static partial void LogAssigned(ILogger logger, string node, string cidrs);

    [LoggerMessage(2, LogLevel.Warning, "Node {Node}: {Error}")]
    private static partial void LogRefused(ILogger logger, string node, string error);
}
