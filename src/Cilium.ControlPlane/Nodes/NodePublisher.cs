using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Health;
using Cilium.Core;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Nodes;

/// <summary>Keeps this node's CiliumNode, its network condition and its taint as they should be.</summary>
internal sealed partial class NodePublisher(
    AgentTables tables, AgentOptions options, KubernetesConnection connection, AgentReadiness readiness, TimeProvider time, ILogger<NodePublisher> logger)
    : IAgentLoop
{
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private readonly CiliumNodeWriter _nodes = new(connection);
    private readonly NodeStatusWriter _status = new(connection);

    public string Name => "publish-node";

    /// <summary>What the agent tells of its node.</summary>
    public static CiliumNodeContent ContentOf(KubeNodeRow node, LocalNodeRow? self, AgentOptions options, NodeInstance? instance = null, HealthAddressRow? health = null)
    {
        var addresses = node.Addresses.ToList();
        foreach (var router in new[] { self?.RouterIPv4 ?? IpAddr.None, self?.RouterIPv6 ?? IpAddr.None })
        {
            if (!router.IsNone)
            {
                addresses.Add(new NodeAddress(NodeAddress.CiliumInternalIP, router));
            }
        }

        return new CiliumNodeContent
        {
            Name = node.Name,
            NodeUid = node.Uid,
            Addresses = addresses.ToEquatableArray(),
            PodCidrs = options.Ipam == "kubernetes" ? node.PodCidrs : null,
            Instance = instance,
            // At the start the former ones stand there, to be taken again.
            Health = self is null ? null : new HealthAddresses(health?.IPv4 ?? IpAddr.None, health?.IPv6 ?? IpAddr.None),
            Watermarks = instance is null ? null : options.Watermarks,
            Labels = node.Labels,
        };
    }

    private NodeInstance? Instance => tables.Instance.Snapshot().Values.FirstOrDefault();

    /// <summary>Creates the CiliumNode or brings it up to date, trying until it works.</summary>
    public async Task ApplyAsync(KubeNodeRow node, LocalNodeRow? self, CancellationToken cancellationToken)
    {
        while (!await TryAsync("CiliumNode", () => _nodes.ApplyAsync(ContentOf(node, self, options, Instance), cancellationToken)).ConfigureAwait(false))
        {
            await Task.Delay(s_retry, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes pod CIDRs from the CiliumNode that are drained and empty. When that fails they go at the next start.</summary>
    public async Task LetGoAsync(IReadOnlyCollection<Prefix> cidrs, CancellationToken cancellationToken)
    {
        if (cidrs.Count > 0 && tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own))
        {
            await TryAsync("CiliumNode", () => _nodes.SetPodCidrsAsync(own, own.PodCidrs.Except(cidrs), cancellationToken)).ConfigureAwait(false);
        }
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await readiness.WaitReadyAsync(cancellationToken).ConfigureAwait(false);
        using var nodes = tables.Kubernetes.Nodes.Subscribe();
        using var ciliumNodes = tables.Kubernetes.CiliumNodes.Subscribe();
        using var health = tables.HealthAddresses.Subscribe();
        var wakeup = new Wakeup(time, nodes.WaitAsync, ciliumNodes.WaitAsync, health.WaitAsync);
        CiliumNodeContent? written = null;
        // What is written comes back as a newer row: until then other nodes' changes, which wake us too, are no reason to write again.
        KubeNodeRow? told = null;
        while (true)
        {
            nodes.Drain();
            health.Drain();
            var isDeleted = ciliumNodes.Drain().Any(change => change.Key == options.NodeName && change.IsDelete);
            var isDone = true;
            if (tables.Kubernetes.Nodes.TryGet(options.NodeName, out var node))
            {
                tables.LocalNode.TryGet(options.NodeName, out var self);
                var content = ContentOf(node, self, options, Instance, tables.HealthAddresses.TryGet(options.NodeName, out var row) ? row : null);
                if (isDeleted || content != written)
                {
                    isDone &= await TryAsync("CiliumNode", () => _nodes.ApplyAsync(content, cancellationToken)).ConfigureAwait(false);
                    written = isDone ? content : null;
                }

                if (!ReferenceEquals(node, told))
                {
                    var isTold = await TellAsync(node, cancellationToken).ConfigureAwait(false);
                    told = isTold ? node : null;
                    isDone &= isTold;
                }
            }

            await wakeup.WaitAsync(isDone ? null : s_retry, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<bool> TellAsync(KubeNodeRow node, CancellationToken cancellationToken)
    {
        var isDone = node.NetworkIsUp
            || await TryAsync("node condition", () => _status.SetNetworkUpAsync(node.Name, cancellationToken)).ConfigureAwait(false);
        return (!node.Taints.Any(taint => taint.Key == options.NotReadyTaint)
            || await TryAsync("node taint", () => _status.RemoveTaintAsync(node.Name, options.NotReadyTaint, cancellationToken)).ConfigureAwait(false)) && isDone;
    }

    private async Task<bool> TryAsync(string what, Func<Task> write)
    {
        try
        {
            await write().ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is KubernetesException or HttpRequestException or TimeoutException or IOException)
        {
            LogFailed(logger, what, exception.Message);
            return false;
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Writing the {What} failed: {Reason}")]
    private static partial void LogFailed(ILogger logger, string what, string reason);
}
