using Cilium.Core.Tables;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>Mode multi-pool: nodes get CIDRs of pools as they ask for them, and what they let go is free.</summary>
internal sealed partial class MultiPoolLoop
{
    private readonly IReadTable<string, CiliumNodeRow> _nodes;
    private readonly NodePresence _presence;
    private readonly IReadTable<string, PodIPPoolRow> _pools;
    private readonly CiliumNodeWriter _writer;
    private readonly MultiPoolAllocator _allocator;
    private readonly ILogger _logger;
    private readonly KeyedLoop<string> _loop;
    private readonly Dictionary<string, PodIPPoolRow> _known = [];

    public MultiPoolLoop(
        IReadTable<string, CiliumNodeRow> nodes,
        IReadTable<string, KubeNodeRow> kubeNodes,
        IReadTable<string, PodIPPoolRow> pools,
        CiliumNodeWriter writer,
        MultiPoolAllocator allocator,
        TimeProvider time,
        Random random,
        ILogger logger)
    {
        _nodes = nodes;
        _pools = pools;
        _writer = writer;
        _allocator = allocator;
        _logger = logger;
        // Nodes, CiliumNodes and pools are all keyed by name: whatever changes, pools are brought up to date before a node is decided.
        _loop = new KeyedLoop<string>("multi-pool", HandleAsync, time, random, logger).Watch(nodes).Watch(kubeNodes).Watch(pools).Prepare(_ =>
        {
            ReadPools();
            allocator.Restore(nodes.Snapshot().Values.Select(HoldingsOf));
            return Task.CompletedTask;
        });
        _presence = new NodePresence(kubeNodes, writer, _loop.Ask);
    }

    public Task RunAsync(CancellationToken cancellationToken) => _loop.RunAsync(cancellationToken);

    private static NodeHoldings HoldingsOf(CiliumNodeRow node) => new(node.Name, [.. node.AllocatedPools], [.. node.RequestedPools]) { Incarnation = node.Uid };

    private async Task HandleAsync(string name, CancellationToken cancellationToken)
    {
        if (ReadPools())
        {
            Ask(_allocator.Waiting(), name);
        }

        if (!_nodes.TryGet(name, out var node))
        {
            Ask(await _presence.IsGoneAsync(name, cancellationToken) ? _allocator.Release(name) : [], name);
            return;
        }

        var freed = _allocator.Freed;
        var decision = _allocator.Decide(HoldingsOf(node));
        if (_allocator.Freed > freed)
        {
            Ask(_allocator.Waiting(), name);
        }

        if (!decision.Held.SequenceEqual(node.AllocatedPools))
        {
            if (!await _writer.SetPoolsAsync(node, null, decision.Held, cancellationToken))
            {
                // Somebody wrote meanwhile, perhaps another leader: the newer version is decided when it is seen, or this one again when there is none.
                _loop.Ask(name);
                return;
            }

            LogAssigned(_logger, name, string.Join(", ", decision.Held.Select(held => $"{held.Pool}: {held.Cidrs}")));
        }

        var error = string.Join("; ", decision.Errors);
        if (error != node.OperatorError)
        {
            await _writer.SetOperatorErrorAsync(name, error, cancellationToken);
            if (error.Length > 0)
            {
                LogRefused(_logger, name, error);
            }
        }
    }

    private void Ask(IEnumerable<string> nodes, string but)
    {
        foreach (var node in nodes.Where(node => node != but))
        {
            _loop.Ask(node);
        }
    }

    /// <returns>True when a pool changed.</returns>
    private bool ReadPools()
    {
        var present = _pools.Snapshot();
        var hasChanged = false;
        foreach (var gone in _known.Keys.Where(name => !present.TryGet(name, out _)).ToList())
        {
            _known.Remove(gone);
            _allocator.RemovePool(gone);
            hasChanged = true;
        }

        foreach (var pool in present.Values)
        {
            // The definition holds what could be read: a wrong CIDR that is taken out leaves it as it was.
            if (_known.TryGetValue(pool.Name, out var known) && known.Definition == pool.Definition && known.Problem == pool.Problem)
            {
                continue;
            }

            _known[pool.Name] = pool;
            hasChanged = true;
            if (pool.Problem.Length > 0)
            {
                LogWrongPool(_logger, pool.Name, pool.Problem);
            }
            else if (_allocator.SetPool(pool.Definition, out var error) is null)
            {
                LogWrongPool(_logger, pool.Name, error);
            }
        }

        return hasChanged;
    }

    [LoggerMessage(1, LogLevel.Information, "Node {Node} has {Cidrs}")]
    private static partial void LogAssigned(ILogger logger, string node, string cidrs);

    [LoggerMessage(2, LogLevel.Warning, "Node {Node}: {Error}")]
    private static partial void LogRefused(ILogger logger, string node, string error);

    [LoggerMessage(3, LogLevel.Warning, "CiliumPodIPPool {Pool} is left as it was: {Error}")]
    private static partial void LogWrongPool(ILogger logger, string pool, string error);
}
