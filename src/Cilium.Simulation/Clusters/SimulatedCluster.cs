using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Policy;
using Cilium.Simulation.Nodes;
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
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(100);
    private readonly SimulationOptions _options;
    private readonly ClusterShare _share = new();
    private readonly ClusterAddresses _addresses;
    private readonly Dictionary<string, NamespaceRow> _namespaces = [];
    private readonly Dictionary<NamespacedName, SimulatedPod> _pods = [];
    private readonly List<SimulatedNode> _nodes = [];
    private readonly List<ServiceRow> _services = [];
    private readonly Dictionary<LabelSet, Identity> _identities = [];
    private int _nextNode;

    private SimulatedCluster(SimulationOptions options)
    {
        _options = options;
        _addresses = new ClusterAddresses(options.Datapath.EnableIPv4, options.Datapath.EnableIPv6);
        Fabric = new Fabric(new FabricOptions { Time = Clock, Random = new Random(options.Seed) });
        Underlay = Fabric.AddSegment("underlay");
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

    /// <summary>The labels of identities.</summary>
    public IReadOnlyDictionary<LabelSet, Identity> Identities => _identities;

    /// <summary>The objects of the API server, which all agents see.</summary>
    public KubernetesTables Kubernetes => _share.Kubernetes;

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
        var cluster = new SimulatedCluster(options);
        try
        {
            // 1. Objects, addresses and devices; 2. datapaths, one after the other; 3. agents, a few at a time, since each first takes everything in.
            cluster.Build(objects, sinks, loggers ?? NullLoggerFactory.Instance);
            foreach (var node in cluster._nodes)
                await node.StartDatapathAsync(cancellationToken).ConfigureAwait(false);
            var few = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(cluster._nodes, few, async (node, token) => await node.StartAsync(token).ConfigureAwait(false)).ConfigureAwait(false);
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
    /// Waits until every agent has worked off what it was told, and every datapath is as its agent wants it. The clock is moved only when nothing
    /// but retries is left to wait for.
    /// </summary>
    /// <exception cref="InvalidOperationException">A derivation has failed.</exception>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var revision = Kubernetes.Store.Revision;
            if (!Kubernetes.Store.IsQuiet || !_nodes.TrueForAll(node => node.IsQuiet) || Kubernetes.Store.Revision != revision)
                await Task.Delay(1, cancellationToken).ConfigureAwait(false);
            else if (_nodes.TrueForAll(node => node.ErrorCount == 0))
                return;
            else
                await RetryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Adds a pod: to the node it names, or to the next in turn.</summary>
    /// <exception cref="ArgumentException">It is there already, its node does not exist, or has no address left.</exception>
    public SimulatedPod Add(PodRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        var pod = Place(row);
        Kubernetes.Store.Write(transaction =>
        {
            transaction.Upsert(Kubernetes.Namespaces, NamespaceOf(row.Namespace));
            transaction.Upsert(Kubernetes.Pods, pod.Row);
            transaction.Upsert(Kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = pod.Identity, Labels = pod.Subject.Labels });
            transaction.Upsert(Kubernetes.CiliumEndpoints, pod.ToCiliumEndpoint());
        });
        pod.Node.Register(pod);
        WriteSlicesOf(pod.Row);
        return pod;
    }

    /// <summary>Removes a pod with its devices; false when there is none.</summary>
    public bool Remove(NamespacedName key)
    {
        if (!_pods.Remove(key, out var pod))
            return false;
        Kubernetes.Store.Write(transaction =>
        {
            transaction.Delete(Kubernetes.Pods, key);
            transaction.Delete(Kubernetes.CiliumEndpoints, key);
        });
        pod.Node.Unregister(pod);
        WriteSlicesOf(pod.Row);
        return true;
    }

    /// <summary>Applies a policy, new or changed.</summary>
    public void Apply(PolicyObjectRow policy) => Kubernetes.Store.Write(transaction => transaction.Upsert(Kubernetes.Policies, policy));

    /// <summary>Deletes a policy; without effect when there is none.</summary>
    public void Delete(PolicyObjectKey policy) => Kubernetes.Store.Write(transaction => transaction.Delete(Kubernetes.Policies, policy));

    /// <summary>Tells the sinks of the events that programs have made.</summary>
    public int DrainEvents() => _nodes.Sum(node => node.Datapath.DrainEvents());

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync().ConfigureAwait(false);
        Fabric.Dispose();
    }

    private async Task RetryAsync(CancellationToken cancellationToken)
    {
        var before = _nodes.Sum(node => node.ErrorCount);
        Clock.Advance(s_retry);
        // What the clock has woken shows in the tables only when it has done something; a failure that stays is tried again.
        for (var i = 0; i < 10 && _nodes.Sum(node => node.ErrorCount) == before; i++)
            await Task.Delay(1, cancellationToken).ConfigureAwait(false);
    }

    private void Build(ClusterObjects objects, Func<string, IEnumerable<IDatapathEventSink>> sinks, ILoggerFactory loggers)
    {
        AddNodes(objects, sinks, loggers);
        new ClusterWorld(Fabric, Underlay, UnderlayDevice).Listener = frame => World?.Invoke(frame);
        foreach (var row in objects.Namespaces)
            _namespaces[row.Name] = row;
        foreach (var row in objects.Pods.Where(pod => !pod.HostNetwork && !pod.IsFinished))
            Place(row);
        foreach (var address in objects.Services.SelectMany(service => service.ClusterIPs))
            _addresses.Take(address);
        _services.AddRange(objects.Services.Select(service => service.IsHeadless || service.Type == "ExternalName" || service.ClusterIPs.Count > 0
            ? service
            : service with { ClusterIPs = _addresses.Service().ToEquatableArray() }));
        foreach (var name in objects.Services.Select(service => service.Namespace).Concat(_namespaces.Keys).ToList())
            NamespaceOf(name);
        WriteObjects(objects);
        foreach (var pod in _pods.Values)
            pod.Node.Register(pod);
    }

    private void WriteObjects(ClusterObjects objects)
    {
        var pods = _pods.Values.Select(pod => pod.Row).ToList();
        Kubernetes.Store.Write(transaction =>
        {
            foreach (var row in _namespaces.Values)
                transaction.Upsert(Kubernetes.Namespaces, row);
            foreach (var row in pods)
                transaction.Upsert(Kubernetes.Pods, row);
            foreach (var row in _services)
                transaction.Upsert(Kubernetes.Services, row);
            foreach (var row in objects.EndpointSlices.Concat(_services.SelectMany(service => ServiceSlices.Of(service, pods))))
                transaction.Upsert(Kubernetes.EndpointSlices, row);
            foreach (var row in objects.Policies)
                transaction.Upsert(Kubernetes.Policies, row);
            foreach (var (labels, identity) in _identities)
                transaction.Upsert(Kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = identity, Labels = labels });
            foreach (var pod in _pods.Values)
                transaction.Upsert(Kubernetes.CiliumEndpoints, pod.ToCiliumEndpoint());
        });
    }

    private void AddNodes(ClusterObjects objects, Func<string, IEnumerable<IDatapathEventSink>> sinks, ILoggerFactory loggers)
    {
        var names = objects.Pods.Select(pod => pod.NodeName).Where(name => name.Length > 0).Distinct().Order(StringComparer.Ordinal).ToList();
        var named = names.ToHashSet();
        for (var i = 1; names.Count < Math.Max(1, _options.Nodes); i++)
        {
            if (!named.Contains($"node-{i}"))
                names.Add($"node-{i}");
        }
        for (var i = 0; i < names.Count; i++)
        {
            var row = _addresses.Node(names[i], i + 1);
            Kubernetes.Store.Write(transaction => transaction.Upsert(Kubernetes.CiliumNodes, _addresses.Assign(row)));
            var machine = Fabric.AddNode(names[i]);
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
            _nodes.Add(new SimulatedNode(machine, row, _share, _options, Clock, sinks(names[i]), loggers));
        }
        Kubernetes.Store.Write(transaction =>
        {
            foreach (var node in _nodes)
            {
                if (transaction.TryGet(Kubernetes.CiliumNodes, node.Name, out var row))
                    transaction.Upsert(Kubernetes.CiliumNodes, row with { Addresses = row.Addresses.Concat(node.RouterAddresses).ToEquatableArray() });
            }
        });
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

    private SimulatedPod Place(PodRow row)
    {
        if (_pods.ContainsKey(row.Key))
            throw new ArgumentException($"there are two pods {row.Key}");
        var node = row.NodeName.Length > 0
            ? _nodes.Find(node => node.Name == row.NodeName) ?? throw new ArgumentException($"{row.Key} is on {row.NodeName}, which is no node")
            : _nodes[_nextNode++ % _nodes.Count];
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
            NodeName = node.Name,
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
            Identity = IdentityOf(labels),
            Subject = new PolicySubject(labels, NamedPort.Normalize(
                row.Ports.Where(port => port.Name.Length > 0).Select(port => new NamedPort(port.Name, port.Protocol, port.Port)))),
            Namespace = pod,
            HostSide = host,
        };
    }

    private Identity IdentityOf(LabelSet labels)
    {
        if (!_identities.TryGetValue(labels, out var identity))
            _identities[labels] = identity = new Identity(Identity.MinimumAllocated + (uint)_identities.Count);
        return identity;
    }

    /// <summary>Makes the slices of the services that select a pod as they should be now.</summary>
    private void WriteSlicesOf(PodRow pod)
    {
        foreach (var service in _services.Where(service => ServiceSlices.Selects(service, pod)))
        {
            var wanted = ServiceSlices.Of(service, [.. _pods.Values.Select(other => other.Row)]).ToList();
            var keys = wanted.Select(row => row.Key).ToHashSet();
            Kubernetes.Store.Write(transaction =>
            {
                foreach (var gone in Kubernetes.EndpointSlices.Snapshot().Values.Where(row => row.Service == service.Key && !keys.Contains(row.Key)))
                    transaction.Delete(Kubernetes.EndpointSlices, gone.Key);
                foreach (var row in wanted)
                    transaction.Upsert(Kubernetes.EndpointSlices, row);
            });
        }
    }
}
