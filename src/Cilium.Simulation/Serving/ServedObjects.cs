using System.Net;
using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Policy;
using Cilium.Simulation.Clusters;
using Cilium.VirtualNetwork;
using Microsoft.Extensions.Logging;

namespace Cilium.Simulation.Serving;

/// <summary>
/// Objects that an API server keeps. Kubernetes and its users, the operators and every agent write to it, each over a way of its own; one set of
/// reflectors tells all agents, since a thousand that decode the same objects would tell nothing new.
/// </summary>
internal sealed partial class ServedObjects : IClusterStore
{
    /// <summary>The name of the client that stands for Kubernetes and its users.</summary>
    internal const string KubernetesClient = "kubernetes";

    /// <summary>The name of the client that watches for all agents.</summary>
    internal const string WatchingClient = "agents";

    private static readonly Uri s_address = new("http://api.simulated/");
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly SimulationOptions _options;
    private readonly KubernetesTables _kubernetes;
    private readonly IReadOnlyList<SimulatedNode> _nodes;
    private readonly VirtualClock _clock;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly IClusterApiServer _server;
    private readonly Settling _settling;
    private readonly ObjectClient _writer;
    private readonly SimulatedOperators _operators;
    private readonly ApiClient _watcher;
    private readonly KubernetesConnection _watcherConnection;
    private readonly CancellationTokenSource _stop = new();
    private Task _watching = Task.CompletedTask;

    /// <param name="options">What the cluster is simulated with; it names the API server.</param>
    /// <param name="kubernetes">What agents know, filled from here.</param>
    /// <param name="nodes">The nodes; they may become more.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="loggers">Makes loggers.</param>
    /// <exception cref="ArgumentException">The label filter is another than the agents' default one.</exception>
    internal ServedObjects(SimulationOptions options, KubernetesTables kubernetes, IReadOnlyList<SimulatedNode> nodes, VirtualClock clock, ILoggerFactory loggers)
    {
        if (!ReferenceEquals(options.LabelFilter, LabelFilter.Default))
            throw new ArgumentException("agents that write to an API server derive identities by the default label filter only", nameof(options));
        _options = options;
        _kubernetes = kubernetes;
        _nodes = nodes;
        _clock = clock;
        _loggers = loggers;
        _logger = loggers.CreateLogger<ServedObjects>();
        Faults = options.HasFaults ? new ApiFaults(options.Seed) : null;
        IPNetwork[] ranges =
        [
            .. options.Datapath.EnableIPv4 ? (IPNetwork[])[ClusterAddresses.ServiceRange4] : [],
            .. options.Datapath.EnableIPv6 ? (IPNetwork[])[ClusterAddresses.ServiceRange6] : [],
        ];
        _server = options.ApiServer!(ranges, clock);
        _settling = new Settling(kubernetes.Store, nodes, this, clock);
        _writer = new ObjectClient(Connect(KubernetesClient, null).Connection);
        (_watcher, _watcherConnection) = Connect(WatchingClient, Faults);
        _operators = new SimulatedOperators(name => Connect(name, Faults), options, clock, loggers);
    }

    /// <summary>What went over all ways to the server.</summary>
    public ApiTraffic Traffic { get; } = new();

    /// <summary>What fails; null for nothing.</summary>
    public ApiFaults? Faults { get; }

    /// <summary>Answers for the server itself, beside all counting.</summary>
    public HttpMessageHandler Handler => _server.Handler;

    /// <summary>How many operators have died.</summary>
    public int DeadOperators => _operators.Dead;

    /// <inheritdoc/>
    public long Progress => Traffic.Progress + _server.Revision;

    /// <inheritdoc/>
    public bool IsQuiet => _server.IsQuiet;

    /// <inheritdoc/>
    public int Patience => 5;

    /// <inheritdoc/>
    public bool IsSettled() => _operators.IsQuiet && _watcher.IsFollowing && _nodes.All(node => node.Writers is { HasPublished: true, HasIdentities: true, HasEndpoints: true })
        && _kubernetes.CiliumEndpoints.Snapshot().Count == _nodes.Sum(node => node.Tables.Endpoints.Snapshot().Count);

    /// <inheritdoc/>
    public string Describe()
    {
        var writers = _nodes.Select(node => node.Writers).OfType<AgentWriters>().ToList();
        return $"operators are {(_operators.IsQuiet ? "quiet" : "at work")} ({_operators.Describe()}), watches {(_watcher.IsFollowing ? "follow" : "do not follow")}, "
            + $"{_kubernetes.CiliumNodes.Snapshot().Count} CiliumNodes, {writers.Count(writer => writer.HasPublished)} of {_nodes.Count} nodes are published, "
            + $"{writers.Count(writer => writer.HasIdentities)} have identities, {writers.Count(writer => writer.HasEndpoints)} their CiliumEndpoints";
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<KubeNodeRow>> JoinAsync(IReadOnlyList<KubeNodeRow> nodes, CancellationToken cancellationToken)
    {
        foreach (var name in new[] { "default", "kube-system" })
            await WriteAsync([new NamespaceRow { Name = name }], [], [], cancellationToken).ConfigureAwait(false);

        // 1. The operators, the first of which registers the definitions; 2. the watches of the agents.
        _operators.Start(0);
        await _settling.UntilAsync(() => _operators.Leader?.Tables is not null, cancellationToken).ConfigureAwait(false);
        _operators.Start(1);
        _watching = Follow(_watcherConnection, _kubernetes).RunAsync(_stop.Token);
        await _settling.UntilAsync(() => _operators.IsQuiet && HasListed(_kubernetes), cancellationToken).ConfigureAwait(false);

        // 3. Nodes; each agent makes its CiliumNode unless it sees that the operator was faster. Midway the leader dies, if anything is to fail.
        if (_options.HasFaults)
            _operators.KillLeaderAfter(nodes.Count);
        await _writer.PutAsync(Resource.CiliumLoadBalancerIPPools, new NamespacedName("", "pool"), ObjectJson.Pool("pool", Pools()), cancellationToken).ConfigureAwait(false);
        var joining = nodes.Select(node => Task.Run(() => JoinAsync(node.Name, cancellationToken), cancellationToken)).ToList();
        foreach (var node in nodes)
            await _writer.CreateAsync(Resource.Nodes, "", ObjectJson.Of(node), cancellationToken).ConfigureAwait(false);
        await _settling.UntilAsync(() => joining.TrueForAll(join => join.IsCompleted) && nodes.All(HasRanges), cancellationToken).ConfigureAwait(false);
        await Task.WhenAll(joining).ConfigureAwait(false);
        return [.. nodes.Select(node => _kubernetes.Nodes.TryGet(node.Name, out var row) ? row : node)];
    }

    /// <inheritdoc/>
    public Task PublishAsync(CancellationToken cancellationToken)
    {
        for (var i = 0; i < _nodes.Count; i++)
        {
            var node = _nodes[i];
            node.Writers = new AgentWriters(node, Connect(node.Name, Faults).Connection, new SharedRandom(_options.Seed * 7919 + i), _clock, _loggers);
            node.Writers.Publish();
        }
        return _settling.UntilAsync(() => _nodes.All(node => node.Writers!.HasPublished), cancellationToken);
    }

    /// <inheritdoc/>
    public async Task WriteAsync(
        IEnumerable<NamespaceRow> namespaces, IEnumerable<ServiceRow> services, IEnumerable<PolicyObjectRow> policies, CancellationToken cancellationToken)
    {
        foreach (var row in namespaces)
            await _writer.PutAsync(Resource.Namespaces, new NamespacedName("", row.Name), ObjectJson.Of(row), cancellationToken).ConfigureAwait(false);
        foreach (var row in services)
            await _writer.PutAsync(Resource.Services, row.Key, ObjectJson.Of(row), cancellationToken).ConfigureAwait(false);
        foreach (var row in policies)
            await ApplyAsync(row, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PodRow>> BindAsync(IReadOnlyList<PodRow> pods, CancellationToken cancellationToken)
    {
        var bound = new List<PodRow>(pods.Count);
        foreach (var pod in pods)
            bound.Add(pod with { Uid = await _writer.CreateAsync(Resource.Pods, pod.Namespace, ObjectJson.Of(pod), cancellationToken).ConfigureAwait(false) });
        return bound;
    }

    /// <inheritdoc/>
    public async Task StartPodsAsync(IReadOnlyCollection<SimulatedPod> pods, CancellationToken cancellationToken)
    {
        foreach (var pod in pods)
            await _writer.PatchStatusAsync(Resource.Pods, pod.Row.Key, ObjectJson.RunningStatus(pod.Row, pod.ToCiliumEndpoint(default).NodeIP), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task DeleteAsync(SimulatedPod pod, CancellationToken cancellationToken) => _writer.DeleteAsync(Resource.Pods, pod.Row.Key, cancellationToken);

    /// <inheritdoc/>
    public async Task WriteSlicesAsync(IReadOnlyCollection<EndpointSliceRow> slices, IReadOnlyCollection<NamespacedName> gone, CancellationToken cancellationToken)
    {
        foreach (var key in gone)
            await _writer.DeleteAsync(Resource.EndpointSlices, key, cancellationToken).ConfigureAwait(false);
        foreach (var row in slices)
            await _writer.PutAsync(Resource.EndpointSlices, row.Key, ObjectJson.Of(row), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task ApplyAsync(PolicyObjectRow policy, CancellationToken cancellationToken) =>
        _writer.PutAsync(Resource.Of(policy.Key.Kind), NameOf(policy.Key), ObjectJson.Of(policy), cancellationToken);

    /// <inheritdoc/>
    public Task DeleteAsync(PolicyObjectKey policy, CancellationToken cancellationToken) =>
        _writer.DeleteAsync(Resource.Of(policy.Kind), NameOf(policy), cancellationToken);

    /// <inheritdoc/>
    /// <remarks>In steps that all take together: an agent that is ahead would look at each word of the others alone.</remarks>
    public async Task StartAgentsAsync(CancellationToken cancellationToken)
    {
        // 1. Identities, by all at once: many want the same.
        foreach (var node in _nodes)
            node.Writers!.Identify();
        await _settling.UntilAsync(() => _nodes.All(node => node.Writers!.HasIdentities), cancellationToken).ConfigureAwait(false);

        // 2. Policies and CiliumEndpoints; 3. what follows from the CiliumEndpoints of all.
        await _nodes.FewAtATimeAsync((node, token) => node.StartPoliciesAsync(token), cancellationToken).ConfigureAwait(false);
        foreach (var node in _nodes)
            node.Writers!.WriteEndpoints();
        await _settling.UntilAsync(IsSettled, cancellationToken).ConfigureAwait(false);
        await _nodes.FewAtATimeAsync((node, token) => node.StartAsync(token), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lists everything that the server holds, over a way of its own that never fails.</summary>
    public async Task<(KubernetesTables Tables, KubernetesConnection Connection)> ReadAllAsync(CancellationToken cancellationToken)
    {
        var connection = Connect("audit", null).Connection;
        var tables = new KubernetesTables(new Core.Tables.StateStore());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var following = Follow(connection, tables).FollowLoadBalancerIPPools().RunAsync(stop.Token);
        await _settling.UntilAsync(() => HasListed(tables) && tables.LoadBalancerIPPools.IsInitialized, cancellationToken).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await following.ConfigureAwait(false);
        return (tables, connection);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            node.Writers?.Dispose();
        await _operators.DisposeAsync().ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _server.Dispose();
        _stop.Dispose();
    }

    // In place of the agent, which has no tables of its own before it has pod CIDRs.
    private async Task JoinAsync(string name, CancellationToken cancellationToken)
    {
        var writer = new CiliumNodeWriter(Connect(name, Faults).Connection);
        KubeNodeRow? node;
        using (var nodes = _kubernetes.Nodes.Subscribe())
        {
            while (!_kubernetes.Nodes.TryGet(name, out node))
            {
                nodes.Drain();
                await nodes.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        while (!_kubernetes.CiliumNodes.TryGet(name, out _))
        {
            try
            {
                await writer.ApplyAsync(ControlPlane.Nodes.NodePublisher.ContentOf(node, null, new ControlPlane.Agent.AgentOptions { NodeName = name }), cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (Exception exception) when (exception is KubernetesException { IsTransient: true } or KubernetesException { IsConflict: true })
            {
                LogJoinFailed(_logger, name, exception.Message);
            }
            await Task.Delay(TimeSpan.FromSeconds(1), _clock, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool HasRanges(KubeNodeRow node) => _kubernetes.Nodes.TryGet(node.Name, out _) && _kubernetes.CiliumNodes.TryGet(node.Name, out var row)
        && row.PodCidrs.Any(range => range.IsIPv4) == _options.Datapath.EnableIPv4 && row.PodCidrs.Any(range => !range.IsIPv4) == _options.Datapath.EnableIPv6;

    private List<Prefix> Pools()
    {
        var pools = new List<Prefix>(2);
        if (_options.Datapath.EnableIPv4)
            pools.Add(ClusterAddresses.LoadBalancers4);
        if (_options.Datapath.EnableIPv6)
            pools.Add(ClusterAddresses.LoadBalancers6);
        return pools;
    }

    private (ApiClient Client, KubernetesConnection Connection) Connect(string name, ApiFaults? faults)
    {
        var client = new ApiClient(name, _server.Handler, Traffic, faults);
        return (client, new KubernetesConnection(new HttpClient(client) { Timeout = Timeout.InfiniteTimeSpan }, s_address, s_patience, _clock));
    }

    private KubernetesReflectors Follow(KubernetesConnection connection, KubernetesTables tables)
    {
        var options = new ReflectorOptions { Random = new SharedRandom(_options.Seed), RetryMinimum = TimeSpan.FromMilliseconds(100), RetryMaximum = TimeSpan.FromSeconds(2) };
        return new KubernetesReflectors(connection, tables, options, _loggers.CreateLogger<KubernetesReflectors>())
            .FollowNodes().FollowCiliumNodes().FollowCiliumIdentities().FollowPods().FollowNamespaces().FollowPolicies(PolicyObjectKind.NetworkPolicy)
            .FollowPolicies(PolicyObjectKind.CiliumNetworkPolicy).FollowPolicies(PolicyObjectKind.CiliumClusterwideNetworkPolicy)
            .FollowCiliumEndpoints().FollowServices().FollowEndpointSlices();
    }

    private static bool HasListed(KubernetesTables tables) => tables.Nodes.IsInitialized && tables.CiliumNodes.IsInitialized && tables.CiliumIdentities.IsInitialized
        && tables.Pods.IsInitialized && tables.Namespaces.IsInitialized && tables.Policies.IsInitialized && tables.CiliumEndpoints.IsInitialized
        && tables.Services.IsInitialized && tables.EndpointSlices.IsInitialized;

    private static NamespacedName NameOf(PolicyObjectKey key) => new(key.Namespace, key.Name);

    [LoggerMessage(1, LogLevel.Warning, "{Node} cannot write its CiliumNode yet: {Reason}")]
    private static partial void LogJoinFailed(ILogger logger, string node, string reason);
}
