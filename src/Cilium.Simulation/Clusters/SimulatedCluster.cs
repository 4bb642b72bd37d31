using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Kubernetes;
using Cilium.Policy;
using Cilium.Simulation.Nodes;
using Cilium.VirtualNetwork;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Simulation.Clusters;

/// <summary>
/// A cluster in this process: nodes on one segment, and a world behind it that takes every packet. All inputs are there from the beginning.
/// </summary>
public sealed class SimulatedCluster : IAsyncDisposable
{
    private const string UnderlayDevice = "eth0";
    private readonly SimulationOptions _options;
    private readonly Dictionary<NamespacedName, SimulatedPod> _pods = [];
    private readonly List<SimulatedNode> _nodes = [];
    private readonly List<ServiceRow> _services = [];
    private readonly Dictionary<LabelSet, Identity> _identities = [];

    private SimulatedCluster(SimulationOptions options)
    {
        _options = options;
        Fabric = new Fabric(new FabricOptions { Time = Clock, Random = new Random(options.Seed) });
        Underlay = Fabric.AddSegment("underlay");
    }

    /// <summary>The clock of all nodes.</summary>
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
            cluster.Build(objects, sinks, loggers ?? NullLoggerFactory.Instance);
            foreach (var node in cluster._nodes)
                await node.StartAsync(cancellationToken).ConfigureAwait(false);
            foreach (var node in cluster._nodes)
                await node.SettleAsync(cancellationToken).ConfigureAwait(false);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Tells the sinks of the events that programs have made.</summary>
    public int DrainEvents() => _nodes.Sum(node => node.Datapath.DrainEvents());

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync().ConfigureAwait(false);
        Fabric.Dispose();
    }

    private void Build(ClusterObjects objects, Func<string, IEnumerable<IDatapathEventSink>> sinks, ILoggerFactory loggers)
    {
        var plan = new AddressPlan(_options.Datapath.EnableIPv4, _options.Datapath.EnableIPv6);
        AddNodes(objects, plan, sinks, loggers);
        AddWorld();
        var namespaces = NamespacesOf(objects);
        AddPods(objects, plan, namespaces);
        AddServices(objects, plan);
        var slices = objects.EndpointSlices.Concat(_services.SelectMany(service => ServiceSlices.Of(service, [.. _pods.Values.Select(pod => pod.Row)]))).ToList();
        foreach (var node in _nodes)
            Tell(node, objects, namespaces.Values, slices);
    }

    private void AddNodes(ClusterObjects objects, AddressPlan plan, Func<string, IEnumerable<IDatapathEventSink>> sinks, ILoggerFactory loggers)
    {
        var names = objects.Pods.Select(pod => pod.NodeName).Where(name => name.Length > 0).Distinct().Order(StringComparer.Ordinal).ToList();
        for (var i = 1; names.Count < Math.Max(1, _options.Nodes); i++)
        {
            if (!names.Contains($"node-{i}"))
                names.Add($"node-{i}");
        }
        for (var i = 0; i < names.Count; i++)
        {
            var local = plan.Node(names[i], i + 1);
            var machine = Fabric.AddNode(names[i]);
            var nic = machine.Host.AddSegmentDevice(UnderlayDevice, Underlay);
            foreach (var address in new[] { local.IPv4, local.IPv6 }.Where(address => !address.IsNone))
            {
                nic.AddAddress(address, AddressPlan.UnderlayLength(address));
                machine.Host.Routes.Add(new VirtualRoute
                {
                    Destination = Everywhere(address.IsIPv4),
                    Interface = nic,
                    Gateway = AddressPlan.WorldGateway(address.IsIPv4),
                });
            }
            _nodes.Add(new SimulatedNode(machine, local, _options, sinks(names[i]), loggers));
        }
    }

    /// <summary>A router whose other side takes everything.</summary>
    private void AddWorld()
    {
        var world = Fabric.AddNode("world").Host;
        (world.ForwardsIPv4, world.ForwardsIPv6) = (true, true);
        var nic = world.AddSegmentDevice(UnderlayDevice, Underlay);
        var port = world.AddPort("world");
        port.IsWithoutNeighbours = true;
        port.Listener = frame => World?.Invoke(frame);
        foreach (var isIPv4 in new[] { true, false })
        {
            var gateway = AddressPlan.WorldGateway(isIPv4);
            nic.AddAddress(gateway, AddressPlan.UnderlayLength(gateway));
            world.Routes.Add(new VirtualRoute { Destination = Everywhere(isIPv4), Interface = port });
        }
    }

    private static Prefix Everywhere(bool isIPv4) => new(isIPv4 ? IpAddr.FromIPv4(0) : IpAddr.None, 0);

    private static Dictionary<string, NamespaceRow> NamespacesOf(ClusterObjects objects)
    {
        const string nameLabel = "kubernetes.io/metadata.name";
        var known = objects.Namespaces.ToDictionary(row => row.Name);
        var named = objects.Pods.Select(pod => pod.Namespace).Concat(objects.Services.Select(service => service.Namespace));
        foreach (var name in named.Concat(known.Keys).Distinct().ToArray())
        {
            var row = known.GetValueOrDefault(name) ?? new NamespaceRow { Name = name };
            // The API server puts it on every namespace.
            known[name] = row with { Labels = StringMap.Create(row.Labels.Where(label => label.Key != nameLabel).Append(KeyValuePair.Create(nameLabel, name))) };
        }
        return known;
    }

    private void AddPods(ClusterObjects objects, AddressPlan plan, Dictionary<string, NamespaceRow> namespaces)
    {
        var numbers = new int[_nodes.Count];
        var next = 0;
        foreach (var row in objects.Pods.Where(pod => !pod.HostNetwork && !pod.IsFinished))
        {
            var index = row.NodeName.Length > 0 ? _nodes.FindIndex(node => node.Name == row.NodeName) : next++ % _nodes.Count;
            var node = _nodes[index];
            var number = numbers[index]++;
            if (number > 240)
                throw new ArgumentException($"{node.Name} has more pods than a node of a simulation has addresses for");
            var labels = new PodLabels
            {
                Namespace = row.Namespace,
                Labels = row.Labels,
                NamespaceLabels = namespaces[row.Namespace].Labels,
                ServiceAccount = row.ServiceAccount,
                ClusterName = _options.ClusterName,
            }.Derive(_options.LabelFilter);
            var placed = row with { NodeName = node.Name, PodIPs = plan.Pod(index + 1, number).ToEquatableArray() };
            var id = new EndpointId((ushort)(number + 1));
            var (pod, host) = VirtualPods.Add(
                node.Virtual, node.Local, row.Key.ToString(), id.Value, placed.PodIPs, 1500, _options.Datapath.EnableTunnel ? 1450 : 1500);
            var added = new SimulatedPod
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
            if (!_pods.TryAdd(row.Key, added))
                throw new ArgumentException($"there are two pods {row.Key}");
        }
    }

    private void AddServices(ClusterObjects objects, AddressPlan plan)
    {
        foreach (var address in objects.Services.SelectMany(service => service.ClusterIPs))
            plan.Take(address);
        _services.AddRange(objects.Services.Select(service => service.IsHeadless || service.Type == "ExternalName" || service.ClusterIPs.Count > 0
            ? service
            : service with { ClusterIPs = plan.Service().ToEquatableArray() }));
    }

    private Identity IdentityOf(LabelSet labels)
    {
        if (!_identities.TryGetValue(labels, out var identity))
            _identities[labels] = identity = new Identity(Identity.MinimumAllocated + (uint)_identities.Count);
        return identity;
    }

    /// <summary>Tells an agent what the API server and the CNI plugin would.</summary>
    private void Tell(SimulatedNode node, ClusterObjects objects, IEnumerable<NamespaceRow> namespaces, IReadOnlyList<EndpointSliceRow> slices)
    {
        var kubernetes = node.Tables.Kubernetes;
        kubernetes.Store.Write(transaction =>
        {
            foreach (var row in namespaces)
                transaction.Upsert(kubernetes.Namespaces, row);
            foreach (var row in _services)
                transaction.Upsert(kubernetes.Services, row);
            foreach (var row in slices)
                transaction.Upsert(kubernetes.EndpointSlices, row);
            foreach (var row in objects.Policies)
                transaction.Upsert(kubernetes.Policies, row);
            foreach (var (labels, identity) in _identities)
                transaction.Upsert(kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = identity, Labels = labels });
            foreach (var other in _nodes)
                transaction.Upsert(kubernetes.CiliumNodes, RowOf(other));
            foreach (var pod in _pods.Values)
                transaction.Upsert(kubernetes.CiliumEndpoints, RowOf(pod));
        });
        foreach (var pod in _pods.Values.Where(pod => ReferenceEquals(pod.Node, node)))
            node.Register(pod);
    }

    private static CiliumNodeRow RowOf(SimulatedNode node) => new()
    {
        Name = node.Name,
        Addresses = new[]
        {
            new NodeAddress(NodeAddress.InternalIP, node.Local.IPv4),
            new NodeAddress(NodeAddress.InternalIP, node.Local.IPv6),
            new NodeAddress(NodeAddress.CiliumInternalIP, node.Local.RouterIPv4),
            new NodeAddress(NodeAddress.CiliumInternalIP, node.Local.RouterIPv6),
        }.Where(address => !address.Address.IsNone).ToEquatableArray(),
        PodCidrs = node.Local.PodPrefixes,
    };

    private static CiliumEndpointRow RowOf(SimulatedPod pod) => new()
    {
        Namespace = pod.Row.Namespace,
        Name = pod.Row.Name,
        Id = pod.Id,
        Identity = pod.Identity,
        Addresses = pod.Row.PodIPs,
        NodeIP = pod.Node.Local.IPv4.IsNone ? pod.Node.Local.IPv6 : pod.Node.Local.IPv4,
        NamedPorts = pod.Row.Ports.Where(port => port.Name.Length > 0).ToEquatableArray(),
    };
}
