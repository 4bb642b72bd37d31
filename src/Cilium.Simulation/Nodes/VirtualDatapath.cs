using Cilium.Bpf;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Devices;
using Cilium.Datapath.Endpoints;
using Cilium.Datapath.Events;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Nodes;
using Cilium.Datapath.Policies;
using Cilium.VirtualNetwork;
using Microsoft.Extensions.Logging;

namespace Cilium.Simulation.Nodes;

/// <summary>
/// The datapath on a virtual node: the shipped programs on its engine, and the reconcilers that keep their maps equal to the tables on the
/// running kernel too. The fabric must not run while rows are carried out: <see cref="SettleAsync"/> first.
/// </summary>
/// <param name="node">The node; its underlay device has the node's address.</param>
/// <param name="tables">What is desired.</param>
/// <param name="options">What is constant. Paths of bpffs and control groups are not used.</param>
/// <param name="sinks">Who hears events, when <see cref="DrainEvents"/> is called.</param>
/// <param name="time">The clock of retries; that of the programs is the fabric's.</param>
/// <param name="loggers">Where to log.</param>
public sealed class VirtualDatapath(
    VirtualNode node, DatapathTables tables, DatapathOptions options, IEnumerable<IDatapathEventSink> sinks, TimeProvider time, ILoggerFactory loggers)
    : IDatapath, IRingBufferSink, IDisposable
{
    private readonly IDatapathEventSink[] _sinks = [.. sinks];
    private readonly DatapathReconcilers _reconcilers = new(time, loggers);
    private readonly Stack<IDisposable> _resources = new();
    private Reconciler<EndpointId, Cilium.Datapath.Endpoints.EndpointRow>? _endpoints;
    private LoadedDatapath? _loaded;
    private NodeNetwork? _network;
    private RingBufferReader? _events;
    private RingBufferReader? _created;
    private bool _isDisposed;

    /// <inheritdoc/>
    public int DeviceMtu => Started(_network).DeviceMtu;

    /// <inheritdoc/>
    public int RouteMtu => Started(_network).RouteMtu;

    /// <summary>The node's maps.</summary>
    /// <exception cref="InvalidOperationException">The datapath was not started.</exception>
    public DatapathMaps Maps => Started(_loaded).Maps;

    /// <inheritdoc/>
    public Task StartAsync(LocalNodeRow node, CancellationToken cancellationToken)
    {
        node = options.OfEnabledFamilies(node);

        // 1. Devices, addresses and routes of the node; 2. programs and maps.
        _network = new VirtualNodeDevices(Host, options).Ensure(node);
        var loaded = _loaded = Keep(new DatapathLoader(options, Engine, new ForgottenMaps()).Load(new DatapathConstants(options, node, _network, hasSetReturnValue: true)));
        var policies = Keep(new PolicySlots(loaded.Maps, DatapathLoader.InnerPolicyShape(Engine) with { MaxEntries = options.PolicyEntries }, shape => PolicySlots.CreateInner(shape, Engine)));
        HostAddresses.WriteTo(loaded.Maps, Host.Interfaces.Where(device => !ReferenceEquals(device, Host.Loopback))
            .SelectMany(device => device.Addresses).Concat([node.IPv4, node.IPv6, node.RouterIPv4, node.RouterIPv6]));

        // 3. Programs on devices and on the control group.
        foreach (var (_, ifindex, program, direction) in NodeAttachments.Wanted(_network).Where(wanted => loaded.Has(wanted.Program)))
            Host.InterfaceOrNull((uint)ifindex)!.Attach(loaded.Program(program), direction);
        foreach (var program in options.EnableSocketLoadBalancing ? loaded.SocketPrograms : [])
        {
            if (NodeAttachments.SocketHook(program.Name) is { } hook)
                VirtualNode.Cgroup.Attach(hook, program);
        }
        _events = Keep(new RingBufferReader(loaded.Maps.Events));
        _created = Keep(new RingBufferReader(loaded.Maps.Created));

        // 4. Reconcilers.
        var pods = new VirtualPodDevices(Host, loaded, options.EnableEndpointRoutes);
        _endpoints = _reconcilers.Run(tables.Endpoints, new EndpointOperations(loaded.Maps, pods, policies, tables.Policies, Forget), isWaitedFor: true);
        _reconcilers.Run(tables.Policies, new PolicyOperations(policies));
        _reconcilers.Run(tables.IpCache, new IpCacheOperations(loaded.Maps.IpCache));
        _reconcilers.Run(tables.Frontends, new FrontendOperations(loaded.Maps.Services));
        _reconcilers.Run(tables.Nodes, new NodeOperations(new VirtualNodeRoutes(Host), node, _network, options, loggers.CreateLogger<NodeOperations>()));
        return Task.CompletedTask;
    }

    /// <summary>Whether all that is desired was compared with what there is.</summary>
    public bool HasPruned => _reconcilers.HavePruned;

    /// <summary>Rows that could not be carried out and wait for a retry.</summary>
    public int ErrorCount => _reconcilers.ErrorCount;

    /// <summary>Waits until all rows written by now were carried out.</summary>
    public Task SettleAsync(CancellationToken cancellationToken) => _reconcilers.SettleAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<ReconcileStatus> WaitForEndpointAsync(EndpointId endpoint, long revision, CancellationToken cancellationToken) =>
        Started(_endpoints).WaitForRowAsync(endpoint, revision, cancellationToken);

    /// <inheritdoc/>
    public Task WaitUntilAttemptedAsync<TKey, TRow>(Table<TKey, TRow> table, long revision, CancellationToken cancellationToken)
        where TKey : notnull
        where TRow : class => _reconcilers.WaitUntilAttemptedAsync(table, revision, cancellationToken);

    /// <inheritdoc/>
    public uint? FindServiceId(L4Address frontend) =>
        Maps.Services.Frontends.TryLookup(ServiceState.KeyOf(frontend), out var value) ? value.ServiceId : null;

    /// <summary>Tells the sinks of the events that programs have made since the last call.</summary>
    /// <returns>How many.</returns>
    public int DrainEvents()
    {
        // Connections are told to a collector that a virtual node has none of: their lifetimes end by the programs' own look at the clock.
        Started(_created).Drain(Ignored.Instance);
        return Started(_events).Drain(this);
    }

    /// <inheritdoc/>
    void IRingBufferSink.OnRecord(ReadOnlySpan<byte> record)
    {
        if (!EventDecoder.TryDecode(record, out var decoded, out var packet))
            return;
        foreach (var sink in _sinks)
            sink.OnEvent(decoded, packet);
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_isDisposed)
            return;
        await _reconcilers.StopAsync(cancellationToken).ConfigureAwait(false);
        Dispose();
    }

    /// <summary>Ends the reconcilers; the node's devices stay, without programs that run.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _reconcilers.Dispose();
        while (_resources.TryPop(out var resource))
            resource.Dispose();
    }

    private VirtualNode VirtualNode => node;

    private VirtualNamespace Host => node.Host;

    private BpfEngine Engine => node.Engine;

    private static T Started<T>(T? part)
        where T : class => part ?? throw new InvalidOperationException("the datapath was not started");

    private void Forget(Addr128 address)
    {
        foreach (var key in Maps.Conntrack.ToDictionary().Keys.Where(key => key.LowAddress == address || key.HighAddress == address))
            Maps.Conntrack.Delete(key);
    }

    private T Keep<T>(T resource)
        where T : IDisposable
    {
        _resources.Push(resource);
        return resource;
    }

    private sealed class Ignored : IRingBufferSink
    {
        internal static readonly Ignored Instance = new();

        public void OnRecord(ReadOnlySpan<byte> record)
        {
            // Nobody waits for it.
        }
    }
}
