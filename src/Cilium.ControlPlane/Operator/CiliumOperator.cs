using Cilium.Core.Tables;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>The operator: what one process does for the whole cluster, while it holds the lease.</summary>
/// <remarks>Each term of leadership starts from empty tables, so that nothing of an earlier term is believed.</remarks>
public sealed partial class CiliumOperator
{
    private readonly KubernetesConnection _connection;
    private readonly OperatorOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly LeaderElector _elector;
    private readonly DateTimeOffset _startedAt;
    private readonly IInterfaceCloud? _cloud;

    /// <summary>Makes an operator.</summary>
    /// <param name="connection">The API server.</param>
    /// <param name="options">Checked options.</param>
    /// <param name="candidate">The name in the lease; unique among the operators.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Where jitter comes from; must be thread-safe.</param>
    /// <param name="loggers">Makes loggers.</param>
    /// <param name="cloud">Where nodes' interfaces are; needed in mode <c>eni</c> only.</param>
    public CiliumOperator(
        KubernetesConnection connection,
        OperatorOptions options,
        string candidate,
        TimeProvider time,
        Random random,
        ILoggerFactory loggers,
        IInterfaceCloud? cloud = null)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(loggers);
        if (options.Ipam == "eni")
        {
            ArgumentNullException.ThrowIfNull(cloud);
        }

        _connection = connection;
        _cloud = cloud;
        _options = options;
        _time = time;
        _random = random;
        _loggers = loggers;
        _logger = loggers.CreateLogger<CiliumOperator>();
        _startedAt = time.GetUtcNow();
        var election = new LeaderElectionOptions
        {
            LeaseNamespace = options.Namespace,
            Candidate = candidate,
            LeaseDuration = options.LeaderElectionLeaseDuration,
            RenewDeadline = options.LeaderElectionRenewDeadline,
            RetryPeriod = options.LeaderElectionRetryPeriod,
        };
        _elector = new LeaderElector(connection, election, random, loggers.CreateLogger<LeaderElector>());
    }

    /// <summary>True while this operator leads.</summary>
    public bool IsLeader => _elector.IsLeader;

    /// <summary>The counters.</summary>
    public OperatorMetrics Metrics { get; } = new();

    /// <summary>Serves health and metrics, and leads whenever it holds the lease, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        string[] addresses = [_options.ApiServeAddress, .. _options.PrometheusServeAddress.Length > 0 ? [_options.PrometheusServeAddress] : Array.Empty<string>()];
        await using var server = await OperatorHttpServer.StartAsync(
            addresses.Where(address => address.Length > 0), CheckHealthAsync, () => Metrics.Print(IsLeader, _startedAt), cancellationToken);
        await ElectAsync(cancellationToken);
    }

    /// <summary>What the operator knows in its present or last term; null before the first.</summary>
    internal KubernetesTables? Tables { get; private set; }

    /// <summary>Leads whenever it holds the lease, until cancelled; serves nothing.</summary>
    internal Task ElectAsync(CancellationToken cancellationToken) => _elector.RunAsync(LeadAsync, cancellationToken);

    private async Task<string?> CheckHealthAsync(CancellationToken cancellationToken) =>
        await _connection.IsServerHealthyAsync(cancellationToken) ? null : _connection.UnreachableReason ?? "the API server is not healthy";

    private async Task LeadAsync(CancellationToken cancellationToken)
    {
        using var term = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await RegisterDefinitionsAsync(term.Token);
        await CreatePoolsAsync(term.Token);
        Tables = new KubernetesTables(new StateStore());
        var loops = Loops(Tables, term.Token);
        try
        {
            // A loop that fails ends the whole term: half an operator would look healthy. One that is switched off just ends.
            await foreach (var ended in Task.WhenEach(loops).WithCancellation(CancellationToken.None))
            {
                await ended;
            }
        }
        finally
        {
            await term.CancelAsync();
            await Task.WhenAll(loops.Select(async loop => await loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing)));
        }
    }

    private async Task RegisterDefinitionsAsync(CancellationToken cancellationToken)
    {
        if (_options.SkipCrdCreation)
        {
            return;
        }

        var registrar = new CrdRegistrar(_connection, _loggers.CreateLogger<CrdRegistrar>());
        while (true)
        {
            try
            {
                await registrar.RegisterAsync(cancellationToken);
                return;
            }
            catch (Exception exception) when (IsTransient(exception))
            {
                LogRegistrationFailed(_logger, exception.Message);
                await DelayAsync(cancellationToken);
            }
        }
    }

    private async Task CreatePoolsAsync(CancellationToken cancellationToken)
    {
        if (_options.Ipam != "multi-pool")
        {
            return;
        }

        var writer = new PodIPPoolWriter(_connection);
        foreach (var pool in _options.AutoCreatePodIPPools)
        {
            await CreatePoolAsync(writer, pool, cancellationToken);
        }
    }

    private async Task CreatePoolAsync(PodIPPoolWriter writer, PoolDefinition pool, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                if (await writer.EnsureAsync(pool, cancellationToken))
                {
                    LogPoolCreated(_logger, pool.Name);
                }

                return;
            }
            catch (Exception exception) when (IsTransient(exception) || exception is KubernetesException { IsNotFound: true })
            {
                // Not found: this server does not serve the definition yet, which another may have taken a moment ago.
                LogPoolFailed(_logger, pool.Name, exception.Message);
                await DelayAsync(cancellationToken);
            }
        }
    }

    private static bool IsTransient(Exception exception) =>
        exception is HttpRequestException or IOException or TimeoutException or KubernetesException { IsTransient: true };

    private Task DelayAsync(CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromSeconds(1 + _random.NextDouble()), _time, cancellationToken);

    private List<Task> Loops(KubernetesTables tables, CancellationToken cancellationToken)
    {
        var reflectors = new KubernetesReflectors(
                _connection, tables, new ReflectorOptions { Random = _random, FirstListMayBeOld = false }, _loggers.CreateLogger<KubernetesReflectors>())
            .FollowNodes()
            .FollowPods()
            .FollowCiliumNodes()
            .FollowCiliumEndpoints()
            .FollowCiliumIdentities();
        var nodeWriter = new CiliumNodeWriter(_connection);
        var endpoints = new EndpointCollector(tables.CiliumEndpoints, tables.Pods, new CiliumEndpointWriter(_connection), Metrics, _logger);
        var identities = new IdentityCollector(
            tables.CiliumIdentities, tables.CiliumEndpoints, new CiliumIdentityWriter(_connection), _options.IdentityHeartbeatTimeout, Metrics, _time, _logger);
        var nodes = new CiliumNodeLoop(tables.Nodes, tables.CiliumNodes, nodeWriter, _options.NodesGcInterval, _time, _random, _logger);
        List<Func<CancellationToken, Task>> loops =
        [
            nodes.RunAsync,
            new PeriodicLoop("endpoint-gc", _options.EndpointGcInterval, endpoints.CollectAsync, _time, _logger).RunAsync,
            new PeriodicLoop("identity-gc", _options.IdentityGcInterval, identities.CollectAsync, _time, _logger).RunAsync,
        ];
        if (_options.Ipam == "cluster-pool")
        {
            loops.Add(new PodCidrLoop(tables.CiliumNodes, tables.Nodes, nodeWriter, NewAssigner(), _time, _random, _logger).RunAsync);
        }

        if (_options.Ipam == "multi-pool")
        {
            reflectors.FollowPodIPPools();
            var allocator = new MultiPoolAllocator(_options.EnableIPv4, _options.EnableIPv6);
            loops.Add(new MultiPoolLoop(tables.CiliumNodes, tables.Nodes, tables.PodIPPools, nodeWriter, allocator, _time, _random, _logger).RunAsync);
        }

        if (_options.Ipam == "eni")
        {
            var interfaces = new InterfaceCollector(_cloud!, _options.InterfaceGcTags, _logger);
            loops.Add(new InterfaceLoop(tables.CiliumNodes, new NodeInterfaceWriter(_connection), _cloud!, _options.Interfaces, _time, _random, _logger).RunAsync);
            loops.Add(new PeriodicLoop("eni-gc", _options.Interfaces.GcInterval, interfaces.CollectAsync, _time, _logger).RunAsync);
        }

        reflectors.FollowServices().FollowLoadBalancerIPPools();
        var events = new EventWriter(_connection, "cilium-operator", "");
        loops.Add(new LoadBalancerIpamLoop(tables, _options, new LoadBalancerStatusWriter(_connection), events, _time, _logger).RunAsync);
        if (_options.ValidateNetworkPolicy)
        {
            reflectors.FollowPolicies(PolicyObjectKind.CiliumNetworkPolicy).FollowPolicies(PolicyObjectKind.CiliumClusterwideNetworkPolicy);
            var decoder = new PolicyDecoder(LabelFilter.Parse(_options.Labels));
            loops.Add(new PolicyValidationLoop(tables.Policies, decoder, new PolicyStatusWriter(_connection), _time, _random, _logger).RunAsync);
        }

        loops.Insert(0, reflectors.RunAsync);
        return loops.ConvertAll(loop => Task.Run(() => loop(cancellationToken), CancellationToken.None));
    }

    private PodCidrAssigner NewAssigner() => new(
        _options.EnableIPv4 ? new CidrPool(_options.ClusterPoolIPv4Cidrs, _options.ClusterPoolIPv4MaskSize) : null,
        _options.EnableIPv6 ? new CidrPool(_options.ClusterPoolIPv6Cidrs, _options.ClusterPoolIPv6MaskSize) : null,
        [.. _options.ClusterPoolIPv4DrainedCidrs, .. _options.ClusterPoolIPv6DrainedCidrs]);

    [LoggerMessage(2, LogLevel.Information, "Created the CiliumPodIPPool {Pool}")]
    private static partial void LogPoolCreated(ILogger logger, string pool);

    [LoggerMessage(1, LogLevel.Warning, "Cannot register the definitions yet: {Reason}")]
    private static partial void LogRegistrationFailed(ILogger logger, string reason);

    [LoggerMessage(3, LogLevel.Warning, "Cannot create the CiliumPodIPPool {Pool} yet: {Reason}")]
    private static partial void LogPoolFailed(ILogger logger, string pool, string reason);
}
