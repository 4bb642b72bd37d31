using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Policy;
using Cilium.Simulation.Nodes;
using Cilium.Simulation.Serving;
using Cilium.VirtualNetwork;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Simulation.Clusters;

/// <summary>
/// A cluster in this process: nodes on one segment, and a world behind it that takes every packet. Agents and reconcilers work on threads of their
/// own; everything else is the caller's, who waits with <see cref="SettleAsync"/> before packets are sent or objects are changed.
/// </summary>
public sealed class SimulatedCluster : IAsyncDisposable
{
    private const string UnderlayDevice = "eth0";
    private static readonly TimeSpan s_calm = TimeSpan.FromMinutes(1);
    private readonly SimulationOptions _options;
    private readonly ClusterShare _share = new();
    private readonly ClusterAddresses _addresses;
    private readonly IClusterStore _store;
    private readonly Settling _settling;
    private readonly Dictionary<string, NamespaceRow> _namespaces = [];
    private readonly Dictionary<NamespacedName, SimulatedPod> _pods = [];
    private readonly List<SimulatedNode> _nodes = [];
    private readonly List<ServiceRow> _services = [];
    private int _nextNode;

    private SimulatedCluster(SimulationOptions options, ILoggerFactory loggers)
    {
        _options = options;
        _addresses = new ClusterAddresses(options.Datapath.EnableIPv4, options.Datapath.EnableIPv6);
        Fabric = new Fabric(new FabricOptions { Time = Clock, Random = new Random(options.Seed) });
        Underlay = Fabric.AddSegment("underlay");
        Served = options.ApiServer is null ? null : new ServedObjects(options, Kubernetes, _nodes, Clock, loggers);
        _store = Served ?? (IClusterStore)new SharedObjects(Kubernetes, _addresses, _nodes);
        _settling = new Settling(Kubernetes.Store, _nodes, _store, Clock);
    }

    /// <summary>The clock of all nodes. It stands still unless it is moved, or <see cref="SettleAsync"/> waits for retries.</summary>
    public VirtualClock Clock { get; } = new();

    /// <summary>The network.</summary>
    public Fabric Fabric { get; }

    /// <summary>What joins the nodes.</summary>
    public VirtualSegment Underlay { get; }

    /// <summary>The nodes.</summary>
    public IReadOnlyList<SimulatedNode> Nodes => _nodes;

    /// <summary>The pods by their key.</summary>
    public IReadOnlyDictionary<NamespacedName, SimulatedPod> Pods => _pods;

    /// <summary>The services, with the addresses they got.</summary>
    public IReadOnlyList<ServiceRow> Services => _services;

    /// <summary>What agents know of the objects of the API server, one set of tables for all of them.</summary>
    public KubernetesTables Kubernetes => _share.Kubernetes;

    /// <summary>The API server, with what is written to it; null when objects are kept in tables.</summary>
    internal ServedObjects? Served { get; }

    /// <summary>Gets every packet that leaves for the world; null for nobody. The bytes are valid during the call.</summary>
    public FrameListener? World { get; set; }

    /// <summary>Makes a cluster and waits until its datapaths are as its objects ask for.</summary>
    /// <param name="objects">The objects.</param>
    /// <param name="options">Nodes, families and so on.</param>
    /// <param name="sinks">Who hears a node's events; the argument is the node's name.</param>
    /// <param name="loggers">Where to log; null for nowhere.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ArgumentException">More pods than a node has addresses for.</exception>
    public static async Task<SimulatedCluster> StartAsync(
        ClusterObjects objects, SimulationOptions options, Func<string, IEnumerable<IDatapathEventSink>> sinks, ILoggerFactory? loggers, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(objects);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(sinks);
        loggers ??= NullLoggerFactory.Instance;
        var cluster = new SimulatedCluster(options, loggers);
        try
        {
            // 1. Objects, addresses and devices; 2. datapaths, one after the other; 3. agents.
            await cluster.AddNodesAsync(objects, sinks, loggers, cancellationToken).ConfigureAwait(false);
            await cluster.AddObjectsAsync(objects, cancellationToken).ConfigureAwait(false);
            foreach (var node in cluster._nodes)
                await node.StartDatapathAsync(cancellationToken).ConfigureAwait(false);
            await cluster._store.StartAgentsAsync(cancellationToken).ConfigureAwait(false);
            await cluster.SettleAsync(cancellationToken).ConfigureAwait(false);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Waits until everybody who writes to the API server has written, every agent has worked off what it was told, and every datapath is as its
    /// agent wants it. The clock is moved only when nothing but the clock is left to wait for. An API server that fails behaves for a minute at the end.
    /// </summary>
    /// <exception cref="InvalidOperationException">A loop of an agent has failed.</exception>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        await _settling.UntilAsync(_store.IsSettled, cancellationToken).ConfigureAwait(false);
        if (Served?.Faults is not { IsOn: true } faults)
            return;
        faults.IsOn = false;
        await PassAsync(s_calm, cancellationToken).ConfigureAwait(false);
        faults.IsOn = true;
    }

    /// <summary>Lets time pass, and waits as <see cref="SettleAsync"/> does.</summary>
    internal async Task PassAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        await _settling.PassAsync(time, TimeSpan.FromSeconds(1), cancellationToken).ConfigureAwait(false);
        await _settling.UntilAsync(_store.IsSettled, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until nothing is at work and something holds.</summary>
    internal Task UntilAsync(Func<bool> isDone, CancellationToken cancellationToken) => _settling.UntilAsync(isDone, cancellationToken);

    /// <summary>Adds a pod: to the node it names, or to the next in turn.</summary>
    /// <exception cref="ArgumentException">It is there already, its node does not exist, or has no address left.</exception>
    public async Task<SimulatedPod> AddAsync(PodRow row, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (!_namespaces.ContainsKey(row.Namespace))
            await _store.WriteAsync([NamespaceOf(row.Namespace)], [], [], cancellationToken).ConfigureAwait(false);
        var pod = (await PlaceAsync([row], cancellationToken).ConfigureAwait(false))[0];
        await WriteSlicesOfAsync(pod.Row, cancellationToken).ConfigureAwait(false);
        return pod;
    }

    /// <summary>Removes a pod with its devices; false when there is none.</summary>
    public async Task<bool> RemoveAsync(NamespacedName key, CancellationToken cancellationToken)
    {
        if (!_pods.Remove(key, out var pod))
            return false;
        pod.Node.Unregister(pod);
        await _store.DeleteAsync(pod, cancellationToken).ConfigureAwait(false);
        await WriteSlicesOfAsync(pod.Row, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Applies a policy, new or changed.</summary>
    public Task ApplyAsync(PolicyObjectRow policy, CancellationToken cancellationToken) => _store.ApplyAsync(policy, cancellationToken);

    /// <summary>Deletes a policy; without effect when there is none.</summary>
    public Task DeleteAsync(PolicyObjectKey policy, CancellationToken cancellationToken) => _store.DeleteAsync(policy, cancellationToken);

    /// <summary>Tells the sinks of the events that programs have made.</summary>
    public int DrainEvents() => _nodes.Sum(node => node.Datapath.DrainEvents());

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
        Fabric.Dispose();
    }

    private async Task AddObjectsAsync(ClusterObjects objects, CancellationToken cancellationToken)
    {
        new ClusterWorld(Fabric, Underlay, UnderlayDevice).Listener = frame => World?.Invoke(frame);
        foreach (var row in objects.Namespaces)
            _namespaces[row.Name] = row;
        foreach (var address in objects.Services.SelectMany(service => service.ClusterIPs))
            _addresses.Take(address);
        _services.AddRange(objects.Services.Select(service => service.IsHeadless || service.Type == "ExternalName" || service.ClusterIPs.Count > 0
            ? service
            : service with { ClusterIPs = _addresses.Service().ToEquatableArray() }));
        var pods = objects.Pods.Where(pod => !pod.HostNetwork && !pod.IsFinished).ToList();
        foreach (var name in objects.Services.Select(service => service.Namespace).Concat(pods.Select(pod => pod.Namespace)).Concat(_namespaces.Keys).ToHashSet())
            NamespaceOf(name);
        await _store.WriteAsync(_namespaces.Values, _services, objects.Policies, cancellationToken).ConfigureAwait(false);
        var placed = (await PlaceAsync(pods, cancellationToken).ConfigureAwait(false)).ConvertAll(pod => pod.Row);
        var slices = objects.EndpointSlices.Concat(_services.SelectMany(service => ServiceSlices.Of(service, placed))).ToList();
        await _store.WriteSlicesAsync(slices, [], cancellationToken).ConfigureAwait(false);
    }

    private async Task AddNodesAsync(
        ClusterObjects objects, Func<string, IEnumerable<IDatapathEventSink>> sinks, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var names = objects.Pods.Select(pod => pod.NodeName).Where(name => name.Length > 0).Distinct().Order(StringComparer.Ordinal).ToList();
        var named = names.ToHashSet();
        for (var i = 1; names.Count < Math.Max(1, _options.Nodes); i++)
        {
            if (!named.Contains($"node-{i}"))
                names.Add($"node-{i}");
        }
        var rows = await _store.JoinAsync([.. names.Select((name, i) => _addresses.Node(name, i + 1))], cancellationToken).ConfigureAwait(false);
        foreach (var row in rows)
        {
            var machine = Fabric.AddNode(row.Name);
            var nic = machine.Host.AddSegmentDevice(UnderlayDevice, Underlay);
            foreach (var address in row.Addresses.Select(address => address.Address))
            {
                nic.AddAddress(address, ClusterAddresses.UnderlayLength(address));
                machine.Host.Routes.Add(new VirtualRoute
                {
                    Destination = ClusterWorld.Everywhere(address.IsIPv4),
                    Interface = nic,
                    Gateway = ClusterAddresses.WorldGateway(address.IsIPv4),
                });
            }
            var node = new SimulatedNode(machine, row.Name, _share, _options, Clock, sinks(row.Name), loggers);
            _nodes.Add(node);
            node.TakeAddresses(row);
        }
        await _store.PublishAsync(cancellationToken).ConfigureAwait(false);
    }

    private NamespaceRow NamespaceOf(string name)
    {
        const string nameLabel = "kubernetes.io/metadata.name";
        if (_namespaces.TryGetValue(name, out var known) && known.Labels.ContainsKey(nameLabel))
            return known;
        var row = known ?? new NamespaceRow { Name = name };
        // The API server puts it on every namespace.
        return _namespaces[name] = row with { Labels = StringMap.Create(row.Labels.Where(label => label.Key != nameLabel).Append(KeyValuePair.Create(nameLabel, name))) };
    }

    /// <summary>Binds pods to nodes and starts them there.</summary>
    private async Task<List<SimulatedPod>> PlaceAsync(IReadOnlyList<PodRow> rows, CancellationToken cancellationToken)
    {
        var keys = _pods.Keys.ToHashSet();
        var bound = rows.Select(row => keys.Add(row.Key)
            ? row with { NodeName = row.NodeName.Length > 0 ? row.NodeName : _nodes[_nextNode++ % _nodes.Count].Name }
            : throw new ArgumentException($"there are two pods {row.Key}")).ToList();
        var nodes = _nodes.ToDictionary(node => node.Name);
        var pods = (await _store.BindAsync(bound, cancellationToken).ConfigureAwait(false)).Select(row => Place(
            row, nodes.GetValueOrDefault(row.NodeName) ?? throw new ArgumentException($"{row.Key} is on {row.NodeName}, which is no node"))).ToList();
        foreach (var pod in pods)
            pod.Node.Register(pod);
        await _store.StartPodsAsync(pods, cancellationToken).ConfigureAwait(false);
        return pods;
    }

    private SimulatedPod Place(PodRow row, SimulatedNode node)
    {
        var addresses = node.Ipam.Allocate(new AddressRequest(row.Key.ToString()));
        if (!addresses.IsOk)
            throw new ArgumentException($"{row.Key} has no address on {node.Name}: {addresses.Message}");
        var labels = new PodLabels
        {
            Namespace = row.Namespace,
            Labels = row.Labels,
            NamespaceLabels = NamespaceOf(row.Namespace).Labels,
            ServiceAccount = row.ServiceAccount,
            ClusterName = _options.ClusterName,
        }.Derive(_options.LabelFilter);
        var placed = row with
        {
            PodIPs = new[] { addresses.IPv4, addresses.IPv6 }.OfType<AddressLease>().Select(lease => lease.Address).ToEquatableArray(),
        };
        var id = node.NextEndpoint();
        var (pod, host) = VirtualPods.Add(
            node.Virtual, node.Local, row.Key.ToString(), id.Value, placed.PodIPs, 1500, _options.Datapath.EnableTunnel ? 1450 : 1500);
        return _pods[row.Key] = new SimulatedPod
        {
            Row = placed,
            Node = node,
            Id = id,
            Subject = new PolicySubject(labels, NamedPort.Normalize(
                row.Ports.Where(port => port.Name.Length > 0).Select(port => new NamedPort(port.Name, port.Protocol, port.Port)))),
            Namespace = pod,
            HostSide = host,
        };
    }

    /// <summary>Makes the slices of the services that select a pod as they should be now.</summary>
    private async Task WriteSlicesOfAsync(PodRow pod, CancellationToken cancellationToken)
    {
        foreach (var service in _services.Where(service => ServiceSlices.Selects(service, pod)))
        {
            var wanted = ServiceSlices.Of(service, [.. _pods.Values.Select(other => other.Row)]).ToList();
            var keys = wanted.Select(row => row.Key).ToHashSet();
            var gone = Kubernetes.EndpointSlices.Snapshot().Values.Where(row => row.Service == service.Key && !keys.Contains(row.Key)).Select(row => row.Key).ToList();
            await _store.WriteSlicesAsync(wanted, gone, cancellationToken).ConfigureAwait(false);
        }
    }
}
