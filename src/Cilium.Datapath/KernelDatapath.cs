using Cilium.Bpf;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Conntrack;
using Cilium.Datapath.Devices;
using Cilium.Datapath.Endpoints;
using Cilium.Datapath.Events;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Nodes;
using Cilium.Datapath.Policies;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath;

/// <summary>The datapath on the running kernel: loads and attaches the programs and keeps their maps equal to the tables.</summary>
/// <param name="tables">What is desired.</param>
/// <param name="options">What is constant; values that cannot be are an <see cref="ArgumentException"/> (<see cref="DatapathOptions.Validate"/>).</param>
/// <param name="ns">The node's network namespace.</param>
/// <param name="sinks">Who hears events.</param>
/// <param name="time">The clock; its timestamps must be CLOCK_MONOTONIC, as the system's are.</param>
/// <param name="loggers">Where to log.</param>
public sealed partial class KernelDatapath(
    DatapathTables tables, DatapathOptions options, NodeNamespace ns, IEnumerable<IDatapathEventSink> sinks, TimeProvider time, ILoggerFactory loggers)
    : IDatapath, IDisposable
{
    private const uint SetReturnValueHelper = 187;
    private readonly DatapathOptions _options = Checked(options);
    private readonly ILogger _logger = loggers.CreateLogger<KernelDatapath>();
    private readonly DatapathReconcilers _reconcilers = new(time, loggers);
    private readonly Stack<IDisposable> _resources = new();
    private Reconciler<EndpointId, EndpointRow>? _endpoints;
    private Reconciler<PolicyContentKey, PolicyRow>? _policies;
    private EndpointOperations? _endpointOperations;
    private LoadedDatapath? _loaded;
    private NodeNetwork? _network;
    private EventReader? _events;
    private ConntrackCollector? _collector;
    private bool _followsServices;
    private readonly BackendSockets _sockets = new(tables.Endpoints, pod => KernelUdpSockets.Open(ns, pod), loggers.CreateLogger<BackendSockets>());
    private int _isDisposed;

    /// <inheritdoc/>
    public int DeviceMtu => Started(_network).DeviceMtu;

    /// <inheritdoc/>
    public int RouteMtu => Started(_network).RouteMtu;

    /// <summary>The node's maps, for reading.</summary>
    /// <exception cref="InvalidOperationException">The datapath was not started.</exception>
    public DatapathMaps Maps => Started(_loaded).Maps;

    /// <inheritdoc/>
    /// <remarks>
    /// Creates and pins the maps that an earlier agent did not leave, but for those of connections, which the kernel takes its time to fill.
    /// Services need no more, and are followed from then on.
    /// </remarks>
    public Task PrepareAsync(CancellationToken cancellationToken) => OnOwnThread(
        () =>
        {
            var paths = new PinPaths(_options.BpfRoot);
            NewLoader().EnsureMapsWithoutConnections();
            FollowServices(new ServiceMaps(name => Keep(DatapathMaps.OpenPinned(paths, name))));
        },
        cancellationToken);

    /// <inheritdoc/>
    public async Task StartAsync(LocalNodeRow node, CancellationToken cancellationToken)
    {
        if (_followsServices)
            await _reconcilers.WaitUntilAttemptedAsync(tables.Frontends, tables.Frontends.Revision, cancellationToken).ConfigureAwait(false);
        await OnOwnThread(() => Start(node), cancellationToken).ConfigureAwait(false);
    }

    // The kernel takes its time, and the pool has no more threads than the machine processors.
    private static Task OnOwnThread(Action work, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Start(LocalNodeRow node)
    {
        var began = time.GetTimestamp();
        node = _options.OfEnabledFamilies(node);

        // 1. Devices, addresses and routes of the node.
        var netlink = Keep(ns.OpenNetlink());
        _network = new NodeDevices(netlink, ns, _options).Ensure(node);

        // 2. Programs and maps; rows that must be there before a packet comes.
        var loaded = _loaded = Keep(NewLoader()
            .Load(new DatapathConstants(_options, node, _network, KernelFeatures.HasHelper(ProgramType.CgroupSockAddr, SetReturnValueHelper))));
        var policies = Keep(new PolicySlots(loaded.Maps, DatapathLoader.InnerPolicyShape() with { MaxEntries = _options.PolicyEntries }));
        Keep(new HostAddresses(loaded.Maps, node, _network.Underlay, ns, time, loggers.CreateLogger<HostAddresses>()));

        // 3. Programs take over: links of an earlier agent are updated in place.
        var attacher = new LinkAttacher(ns, _options.EnableTcx && KernelFeatures.HasTcx);
        var attachments = new NodeAttachments(loaded, attacher, _options);
        attachments.Attach(_network);
        var areNumbersKept = _options.EnableDirectNodeRoutes || DatapathConstants.Encapsulates(_options, node, _network);
        Keep(new DeviceWatch(_network, attachments, areNumbersKept, ns, time, loggers.CreateLogger<DeviceWatch>()));

        // 4. Readers.
        _events = new EventReader(loaded.Maps, sinks, time, loggers.CreateLogger<EventReader>());
        var collector = _collector = new ConntrackCollector(loaded.Maps, time, loggers.CreateLogger<ConntrackCollector>());

        // 5. Reconcilers, each with a netlink socket of its own, since a socket is for one thread at a time.
        var paths = new PinPaths(_options.BpfRoot);
        var links = Keep(new PodLinks(loaded, attacher, paths, time, loggers.CreateLogger<PodLinks>()));
        var podNetlink = Keep(ns.OpenNetlink());
        var pods = new KernelPodDevices(links, podNetlink, paths, new PodUplinks(podNetlink, ns), _options.EnableEndpointRoutes);
        _endpointOperations = new EndpointOperations(loaded.Maps, pods, policies, tables.Policies, collector.Forget);
        _endpoints = _reconcilers.Run(tables.Endpoints, _endpointOperations, isWaitedFor: true);
        _policies = _reconcilers.Run(tables.Policies, new PolicyOperations(policies));
        _reconcilers.Run(tables.IpCache, new IpCacheOperations(loaded.Maps.IpCache));
        FollowServices(loaded.Maps.Services);
        if (_options.EnableSocketLoadBalancing)
            _sockets.Start(loaded.Maps.SocketRevNat);
        var routes = new KernelNodeRoutes(Keep(ns.OpenNetlink()));
        _reconcilers.Run(tables.Nodes, new NodeOperations(routes, node, _network, _options, loggers.CreateLogger<NodeOperations>()));

        LogStarted(_logger, (long)time.GetElapsedTime(began).TotalMilliseconds, _network.DeviceMtu, string.Join(' ', _network.Underlay.Select(d => d.Name)));
    }

    /// <inheritdoc/>
    public Task<ReconcileStatus> WaitForEndpointAsync(EndpointId endpoint, long revision, CancellationToken cancellationToken)
    {
        // A write that left the row as it was has a later revision than the row: there is nothing to wait for.
        var reconciler = Started(_endpoints);
        return tables.Endpoints.TryGet(endpoint, out var row) && Started(_endpointOperations).Has(row)
            && reconciler.StatusOf(endpoint) is { State: ReconcileState.Done } done
            ? Task.FromResult(done)
            : reconciler.WaitForRowAsync(endpoint, revision, cancellationToken);
    }

    /// <inheritdoc/>
    public ReconcileStatus? FindEndpointStatus(EndpointId endpoint) => Volatile.Read(ref _endpoints)?.StatusOf(endpoint);

    /// <inheritdoc/>
    public ReconcileStatus? FindPolicyStatus(PolicyContentKey policy) => Volatile.Read(ref _policies)?.StatusOf(policy);

    /// <inheritdoc/>
    public IReadOnlyList<IpCacheRow> ReadInheritedAddresses() => InheritedAddresses.Read(new PinPaths(_options.BpfRoot));

    /// <inheritdoc/>
    public Task WaitUntilAttemptedAsync<TKey, TRow>(Table<TKey, TRow> table, long revision, CancellationToken cancellationToken)
        where TKey : notnull
        where TRow : class => _reconcilers.WaitUntilAttemptedAsync(table, revision, cancellationToken);

    /// <inheritdoc/>
    public uint? FindServiceId(L4Address frontend) =>
        Maps.Services.Frontends.TryLookup(ServiceState.KeyOf(frontend), out var value) ? value.ServiceId : null;

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_isDisposed != 0)
            return;
        await _reconcilers.StopAsync(cancellationToken).ConfigureAwait(false);
        Dispose();
    }

    /// <summary>Closes descriptors and ends reader threads; what is pinned stays.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        _reconcilers.Dispose();
        _sockets.Dispose();
        Interlocked.Exchange(ref _events, null)?.Dispose();
        Interlocked.Exchange(ref _collector, null)?.Dispose();
        while (_resources.TryPop(out var resource))
            resource.Dispose();
    }

    private static DatapathOptions Checked(DatapathOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return options;
    }

    private static T Started<T>(T? part)
        where T : class => part ?? throw new InvalidOperationException("the datapath was not started");

    private void FollowServices(ServiceMaps maps)
    {
        if (_followsServices)
            return;
        _followsServices = true;
        _reconcilers.Run(tables.Frontends, new FrontendOperations(maps, _options.EnableSocketLoadBalancing ? _sockets.CloseUdp : null));
    }

    private DatapathLoader NewLoader() => new(_options, BpfEngine.Kernel, new PinnedMaps(_options.BpfRoot, loggers.CreateLogger<PinnedMaps>()));

    private T Keep<T>(T resource)
        where T : IDisposable
    {
        _resources.Push(resource);
        return resource;
    }

    [LoggerMessage(1, LogLevel.Information, "Datapath started in {Milliseconds} ms: device MTU {Mtu}, underlay {Devices}")]
    private static partial void LogStarted(ILogger logger, long milliseconds, int mtu, string devices);
}
