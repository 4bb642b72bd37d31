using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>Keeps one CiliumNode per node: creates what is missing, and from time to time deletes what has no node.</summary>
internal sealed partial class CiliumNodeLoop
{
    private readonly IReadTable<string, KubeNodeRow> _nodes;
    private readonly IReadTable<string, CiliumNodeRow> _ciliumNodes;
    private readonly CiliumNodeWriter _writer;
    private readonly ILogger _logger;
    private readonly KeyedLoop<string> _create;
    private readonly PeriodicLoop _collect;
    private HashSet<string> _suspects = [];

    public CiliumNodeLoop(
        IReadTable<string, KubeNodeRow> nodes,
        IReadTable<string, CiliumNodeRow> ciliumNodes,
        CiliumNodeWriter writer,
        TimeSpan collectInterval,
        TimeProvider time,
        Random random,
        ILogger logger)
    {
        _nodes = nodes;
        _ciliumNodes = ciliumNodes;
        _writer = writer;
        _logger = logger;
        _create = new KeyedLoop<string>("cilium-nodes", CreateAsync, time, random, logger).Watch(nodes).Watch(ciliumNodes);
        _collect = new PeriodicLoop("cilium-node-gc", collectInterval, CollectAsync, time, logger);
    }

    public Task RunAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(_create.RunAsync(cancellationToken), _collect.RunAsync(cancellationToken));

    private async Task CreateAsync(string name, CancellationToken cancellationToken)
    {
        if (_nodes.TryGet(name, out var node)
            && !node.IsTerminating
            && !_ciliumNodes.TryGet(name, out _)
            && await _writer.EnsureAsync(name, node.Uid, node.Labels, cancellationToken))
        {
            LogCreated(_logger, name);
        }
    }

    /// <summary>Deletes those that were without a node at the last look and still are; the tables only raise suspicion, the server is asked.</summary>
    /// <remarks>
    /// Those with an owner as well, which Kubernetes collects by itself: when the server has no such node both do the same, and a cluster may run without
    /// its collector.
    /// </remarks>
    internal async Task CollectAsync(CancellationToken cancellationToken)
    {
        if (!_nodes.IsInitialized || !_ciliumNodes.IsInitialized)
        {
            return;
        }

        var suspects = new HashSet<string>();
        var nodes = _nodes.Snapshot();
        foreach (var row in _ciliumNodes.Snapshot().Values)
        {
            if (nodes.TryGet(row.Name, out _))
            {
                continue;
            }

            if (!_suspects.Contains(row.Name))
            {
                suspects.Add(row.Name);
                continue;
            }

            var isDeleted = await CollectedObject.TryAsync(
                "CiliumNode",
                row.Name,
                async () => !await _writer.HasNodeAsync(row.Name, cancellationToken) && await _writer.DeleteAsync(row.Name, row.Uid, cancellationToken),
                _logger);
            if (isDeleted is null)
            {
                suspects.Add(row.Name);
            }
            else if (isDeleted.Value)
            {
                LogDeleted(_logger, row.Name);
            }
        }

        _suspects = suspects;
    }

    [LoggerMessage(1, LogLevel.Information, "Created the CiliumNode of node {Node}")]
    private static partial void LogCreated(ILogger logger, string node);

    [LoggerMessage(2, LogLevel.Information, "Deleted the CiliumNode {Node}, which has no node")]
    private static partial void LogDeleted(ILogger logger, string node);
}
