using Cilium.ControlPlane.Api;
using Cilium.ControlPlane.Cni;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Health;
using Cilium.ControlPlane.Ipam;
using Cilium.ControlPlane.Nodes;
using Cilium.ControlPlane.Services;
using Cilium.ControlPlane.Serving;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Policy;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Agent;

/// <summary>An agent's life: the start in its order, the loops, the end.</summary>
internal sealed partial class AgentService(
    AgentContext agent, WebServer web, EndpointStore store, LocalIdentityAllocator localIdentities, ILocalDevices devices, ILoggerFactory loggers)
    : BackgroundService
{
    private static readonly TimeSpan s_restorePatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_servicesPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_sayAgain = TimeSpan.FromSeconds(10);
    private readonly ILogger _logger = loggers.CreateLogger<AgentService>();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var began = agent.Time.GetTimestamp();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        using var held = await AgentLock.TakeAsync(agent.Options.StateDirectory, agent.Time, _logger, stoppingToken).ConfigureAwait(false);
        // The datapath's maps and the cluster's objects take their time; neither needs the other, or our API. Services need nothing else.
        var preparing = agent.Datapath.PrepareAsync(stoppingToken);
        AgentInitializers.Register(agent.Tables);
        var loops = new AgentLoops(agent, web, store, localIdentities, loggers);
        var reflecting = FollowKubernetes().RunAsync(stop.Token);
        loops.Run(new ServiceDerivation(agent.Tables, agent.Options, agent.Time, loggers.CreateLogger<FrontendClaims>()), stop.Token);
        try
        {
            await web.StartAsync(stoppingToken).ConfigureAwait(false);
            await using var api = await ApiServer.OpenAsync(web, agent, stoppingToken).ConfigureAwait(false);
            var running = await StartAsync(loops, preparing, stop.Token).ConfigureAwait(false);
            LogReady(_logger, (long)agent.Time.GetElapsedTime(began).TotalMilliseconds);
            await (await Task.WhenAny(running, reflecting).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            LogStopping(_logger);
        }
        catch (Exception exception)
        {
            agent.Readiness.Fail(exception);
            throw;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await loops.WhenEndedAsync().ConfigureAwait(false);
        }

        await agent.Datapath.StopAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private async Task<Task> StartAsync(AgentLoops loops, Task preparing, CancellationToken cancellationToken)
    {
        var (tables, readiness) = (agent.Tables, agent.Readiness);

        // 1. The node object, and our own CiliumNode, which exists from here on.
        readiness.Enter("waiting for the Kubernetes node");
        var node = await WaitForAsync(tables.Kubernetes.Nodes.Subscribe, () => NodeOrNull(), cancellationToken).ConfigureAwait(false);
        readiness.Enter("waiting for CRDs");
        await WaitForCrdsAsync(cancellationToken).ConfigureAwait(false);
        var publisher = new NodePublisher(tables, agent.Options, agent.Connection, readiness, agent.Time, loggers.CreateLogger<NodePublisher>());
        await ReadInstanceAsync(cancellationToken).ConfigureAwait(false);
        await publisher.EnsureAsync(node, cancellationToken).ConfigureAwait(false);

        // 2. Pod ranges, from whoever gives them in this mode.
        readiness.Enter("waiting for pod CIDRs");
        var plan = new NodeAddressPlan(tables, agent.Options, agent.Ipam, devices);
        var pools = NewPoolLoop();
        if (pools is not null)
        {
            loops.Run(pools, cancellationToken);
        }

        var ranges = await WaitForRangesAsync(plan, () => publisher.EnsureAsync(node, cancellationToken), cancellationToken).ConfigureAwait(false);

        // 3. What lives from the last run, and then the router, so that no restored address is taken.
        readiness.Enter("restoring endpoints");
        var present = devices.All();
        var identities = agent.Registry.Restore(row => present.GetValueOrDefault(row.InterfaceIndex) == row.InterfaceName);
        var self = plan.Complete(node, ranges);
        if (agent.Options.HasHealthEndpoint)
        {
            // Taken now, made when there is time: pods must not get the former ones. What is refused is told then.
            new HealthAddressPlan(tables, agent.Options, agent.Ipam).Take(out _);
        }

        pools?.Restored();
        await publisher.LetGoAsync(ranges.Except(self.PodPrefixes).ToList(), cancellationToken).ConfigureAwait(false);
        if (agent.Ipam is ListedIpam listed)
        {
            // Only now are the answers to releases true.
            loops.Run(
                new AddressListLoop(tables, agent.Options, listed, new CiliumNodeWriter(agent.Connection), agent.Time, loggers.CreateLogger<AddressListLoop>()),
                cancellationToken);
        }

        tables.Store.Write(transaction => transaction.Upsert(tables.LocalNode, self));
        PodUplinkRows.TakeNativeRange(tables, agent.Options);

        // 4. The datapath, services first; meanwhile the derivations fill its tables.
        readiness.Enter("starting the datapath");
        var allocator = new CrdIdentityAllocator(
            agent.Connection, tables.Kubernetes.CiliumIdentities, new CrdIdentityAllocatorOptions(), Random.Shared, loggers.CreateLogger<CrdIdentityAllocator>());
        RestoreLocalIdentities();
        var running = loops.Start(self, identities, devices, allocator, cancellationToken);
        await preparing.ConfigureAwait(false);
        await WaitForServicesAsync(cancellationToken).ConfigureAwait(false);
        await agent.Datapath.StartAsync(self, cancellationToken).ConfigureAwait(false);

        // 5. Deletions that came while nobody answered; from here on the plugin is answered.
        new DeletionReplay(tables, agent.Options, agent.Registry, agent.Time, loggers.CreateLogger<DeletionReplay>()).Run(readiness.Accept);

        // 6. Restored endpoints as they should be, then the conflist, which makes the node take pods.
        readiness.Enter("waiting for restored endpoints");
        await WaitForRestoredAsync(running, cancellationToken).ConfigureAwait(false);
        var cni = new CniInstallation(agent.Options, loggers.CreateLogger<CniInstallation>());
        cni.Install();
        loops.Run(new CniUpkeep(cni, agent.Time, loggers.CreateLogger<CniUpkeep>()), cancellationToken);
        readiness.Complete();
        return running;
    }

    // The policies and addresses of the last run stay in force until ours take their place, one after the other: numbers must mean the same in both.
    private void RestoreLocalIdentities()
    {
        foreach (var row in agent.Datapath.ReadInheritedAddresses())
        {
            localIdentities.Restore(row.Prefix, row.Identity);
        }
    }

    private async Task ReadInstanceAsync(CancellationToken cancellationToken)
    {
        if (agent.Options.Ipam != "eni")
        {
            return;
        }

        agent.Readiness.Enter("waiting for instance metadata");
        using var metadata = new InstanceMetadata(agent.Options.Ec2MetadataEndpoint, agent.Time, loggers.CreateLogger<InstanceMetadata>());
        var instance = await metadata.ReadAsync(agent.Options.Instance, cancellationToken).ConfigureAwait(false);
        agent.Tables.Store.Write(transaction => transaction.Upsert(agent.Tables.Instance, instance));
    }

    private KubernetesReflectors FollowKubernetes()
    {
        var reflectors = new KubernetesReflectors(
            agent.Connection,
            agent.Tables.Kubernetes,
            new ReflectorOptions { RetryMinimum = TimeSpan.FromMilliseconds(100), RetryMaximum = TimeSpan.FromSeconds(2) },
            loggers.CreateLogger<KubernetesReflectors>());
        reflectors.FollowNodes(agent.Options.NodeName).FollowCiliumNodes().FollowCiliumIdentities().FollowPods(agent.Options.NodeName)
            .FollowNamespaces().FollowPolicies(PolicyObjectKind.CiliumNetworkPolicy).FollowPolicies(PolicyObjectKind.CiliumClusterwideNetworkPolicy)
            .FollowCiliumEndpoints().FollowServices().FollowEndpointSlices();
        if (agent.Ipam is MultiPoolIpam)
        {
            reflectors.FollowPodIPPools();
        }

        return agent.Options.EnableK8sNetworkPolicy ? reflectors.FollowPolicies(PolicyObjectKind.NetworkPolicy) : reflectors;
    }

    private NodePoolLoop? NewPoolLoop() => agent.Ipam is MultiPoolIpam ipam
        ? new NodePoolLoop(
            agent.Tables, agent.Options, ipam, new CiliumNodeWriter(agent.Connection), agent.Time, loggers.CreateLogger<NodePoolLoop>())
        : null;

    private KubeNodeRow? NodeOrNull() =>
        agent.Tables.Kubernetes.Nodes.TryGet(agent.Options.NodeName, out var node) && node.Addresses.Any(address => address.Type == NodeAddress.InternalIP) ? node : null;

    private async Task WaitForCrdsAsync(CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(agent.Options.CrdWaitTimeout, agent.Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await agent.Tables.Kubernetes.CiliumNodes.WaitInitializedAsync(linked.Token).ConfigureAwait(false);
            await agent.Tables.Kubernetes.CiliumIdentities.WaitInitializedAsync(linked.Token).ConfigureAwait(false);
            if (agent.Ipam is MultiPoolIpam)
            {
                await agent.Tables.Kubernetes.PodIPPools.WaitInitializedAsync(linked.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"the operator has not registered CiliumNode and CiliumIdentity within {agent.Options.CrdWaitTimeout} (crd-wait-timeout)");
        }
    }

    private async Task<IReadOnlyList<Core.Prefix>> WaitForRangesAsync(NodeAddressPlan plan, Func<Task> ensureNode, CancellationToken cancellationToken)
    {
        using var nodes = agent.Tables.Kubernetes.Nodes.Subscribe();
        using var ciliumNodes = agent.Tables.Kubernetes.CiliumNodes.Subscribe();
        var wakeup = new Wakeup(agent.Time, nodes.WaitAsync, ciliumNodes.WaitAsync);
        while (true)
        {
            nodes.Drain();
            ciliumNodes.Drain();
            if (plan.TakeRanges() is { } ranges)
            {
                return ranges;
            }

            // Who gives ranges needs to know the node: its CiliumNode may have been made anew meanwhile.
            await ensureNode().ConfigureAwait(false);
            var complaint = agent.Tables.Kubernetes.CiliumNodes.TryGet(agent.Options.NodeName, out var own) ? own.OperatorError : "";
            agent.Readiness.Enter($"waiting for pod CIDRs{(complaint.Length > 0 ? ": " + complaint : "")}");
            LogWaitingForRanges(_logger, agent.Options.Ipam, complaint);
            await wakeup.WaitAsync(s_sayAgain, cancellationToken).ConfigureAwait(false);
        }
    }

    // A datapath that refuses one restored endpoint must not keep the node from serving others: it is retried and told in the log.
    private async Task WaitForRestoredAsync(Task running, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(s_restorePatience, agent.Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        var waits = agent.Tables.Endpoints.Snapshot().Values
            .Where(row => row.IsRestored && agent.Tables.EndpointIdentities.TryGet(row.Id, out _))
            .Select(row => agent.Datapath.WaitForEndpointAsync(row.Id, 0, linked.Token));
        var all = Task.WhenAll(waits);
        try
        {
            if (await Task.WhenAny(all, running).ConfigureAwait(false) == running)
            {
                await running.ConfigureAwait(false);
            }

            await all.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            LogNotRestored(_logger, s_restorePatience);
        }
    }

    // On a new node programs that find no services would send what is for them out of the cluster. And what the kernel does for programs and
    // connections takes all processors, which services need to be read.
    private async Task WaitForServicesAsync(CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(s_servicesPatience, agent.Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await agent.Tables.Datapath.Frontends.WaitInitializedAsync(linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            LogNoServices(_logger, s_servicesPatience);
        }
    }

    private static async Task<TRow> WaitForAsync<TKey, TRow>(
        Func<Core.Tables.ChangeFeed<TKey, TRow>> subscribe, Func<TRow?> find, CancellationToken cancellationToken)
        where TKey : notnull
        where TRow : class
    {
        using var feed = subscribe();
        while (true)
        {
            feed.Drain();
            if (find() is { } row)
            {
                return row;
            }

            await feed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "The agent is ready after {Milliseconds} ms")]
    private static partial void LogReady(ILogger logger, long milliseconds);

    [LoggerMessage(2, LogLevel.Information, "Waiting for pod CIDRs (ipam {Mode}) {Complaint}")]
    private static partial void LogWaitingForRanges(ILogger logger, string mode, string complaint);

    [LoggerMessage(3, LogLevel.Warning, "Not all restored endpoints are as they should be after {Patience}; their errors are retried")]
    private static partial void LogNotRestored(ILogger logger, TimeSpan patience);

    [LoggerMessage(5, LogLevel.Warning, "Services and endpoint slices could not be read within {Patience}; the datapath starts without them")]
    private static partial void LogNoServices(ILogger logger, TimeSpan patience);

    [LoggerMessage(4, LogLevel.Information, "Stopping; the datapath stays")]
    private static partial void LogStopping(ILogger logger);
}
