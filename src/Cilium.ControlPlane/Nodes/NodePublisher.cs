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
    private const string ClusterPool = "cluster-pool";
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private readonly CiliumNodeWriter _nodes = new(connection);
    private readonly NodeStatusWriter _status = new(connection);
    private string _holder = "";
    private string _writtenOver = "";
    // The object that has what was written last, and the one that was seen then.
    private string? _object;
    private string _seen = "";

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
            HeldPodCidrs = options.Ipam == ClusterPool ? self?.PodPrefixes : null,
            Instance = instance,
            // At the start the former ones stand there, to be taken again.
            Health = self is null ? null : new HealthAddresses(health?.IPv4 ?? IpAddr.None, health?.IPv6 ?? IpAddr.None),
            Watermarks = instance is null ? null : options.Watermarks,
            Labels = node.Labels,
        };
    }

    private NodeInstance? Instance => tables.Instance.Snapshot().Values.FirstOrDefault();

    /// <summary>Whether another object has taken the place of the one that was written: the operator makes an empty one for a node at once.</summary>
    private bool IsAnother => tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own) && own.Uid != _object && own.Uid != _seen;

    /// <summary>Has the CiliumNode say what the agent knows at its start, also when it is made anew meanwhile, trying until it works.</summary>
    /// <remarks>One that is there and names the right instance stays as it is: it may hold more than the agent knows yet.</remarks>
    public async Task EnsureAsync(KubeNodeRow node, CancellationToken cancellationToken)
    {
        if (_object is null && tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own) && (Instance is not { } instance || own.Instance == instance))
        {
            _object = own.Uid;
        }

        // What was made and is not there has not been seen yet, or the operator makes it anew.
        while ((_object is null || IsAnother)
            && !await TryAsync("CiliumNode", () => WriteAsync(ContentOf(node, null, options, Instance), cancellationToken)).ConfigureAwait(false))
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
                // First, since it is written over the version that was seen.
                isDone &= await KeepPodCidrsAsync(self, cancellationToken).ConfigureAwait(false);
                if (isDeleted || IsAnother || content != written)
                {
                    var isWritten = await TryAsync("CiliumNode", () => WriteAsync(content, cancellationToken)).ConfigureAwait(false);
                    written = isWritten ? content : null;
                    isDone &= isWritten;
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

    private async Task WriteAsync(CiliumNodeContent content, CancellationToken cancellationToken)
    {
        var seen = tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own) ? own.Uid : "";
        _object = await _nodes.ApplyAsync(content, cancellationToken).ConfigureAwait(false);
        _seen = seen;
    }

    /// <summary>
    /// Pods use the CIDRs that the agent started with. A CiliumNode that was made anew, or that lists none, gets them: an operator without memory of
    /// them would give them to another node. What somebody takes from the object that had them stays away.
    /// </summary>
    private async Task<bool> KeepPodCidrsAsync(LocalNodeRow? self, CancellationToken cancellationToken)
    {
        if (options.Ipam != ClusterPool || self is null || !tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own) || own.ResourceVersion == _writtenOver)
        {
            return true;
        }

        var missing = self.PodPrefixes.Except(own.PodCidrs).ToList();
        if (missing.Count == 0)
        {
            _holder = own.Uid;
        }

        if (missing.Count == 0 || (own.Uid == _holder && own.PodCidrs.Count > 0))
        {
            return true;
        }

        var isWritten = false;
        var isAnswered = await TryAsync("CiliumNode", async () =>
            isWritten = await _nodes.SetPodCidrsAsync(own, self.PodPrefixes.Union(own.PodCidrs), cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        if (isAnswered && isWritten)
        {
            _writtenOver = own.ResourceVersion;
            LogKept(logger, string.Join(", ", missing));
        }

        return isWritten;
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

    [LoggerMessage(2, LogLevel.Warning, "The CiliumNode no longer had {Cidrs}, which pods of this node use: written there again")]
    private static partial void LogKept(ILogger logger, string cidrs);
}
