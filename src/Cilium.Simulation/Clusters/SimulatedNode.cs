using Cilium.ControlPlane.Addresses;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Nodes;
using Cilium.ControlPlane.Policies;
using Cilium.ControlPlane.Services;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Events;
using Cilium.Datapath.Nodes;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;
using Cilium.Simulation.Nodes;
using Cilium.Simulation.Serving;
using Cilium.VirtualNetwork;
using Microsoft.Extensions.Logging;

namespace Cilium.Simulation.Clusters;

/// <summary>A node of a simulated cluster: the agent's tables and derivations over a virtual datapath.</summary>
public sealed class SimulatedNode : IAsyncDisposable
{
    private readonly AgentOptions _options;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _loops = [];
    private readonly LocalIdentityAllocator _localIdentities;
    private readonly ILoggerFactory _loggers;
    private readonly ClusterShare _share;
    private readonly TimeProvider _time;
    private readonly AddressBook _book;
    private ushort _lastEndpoint;
    private LocalNodeRow? _local;

    internal SimulatedNode(
        VirtualNode node, string name, ClusterShare share, SimulationOptions options, TimeProvider time, IEnumerable<IDatapathEventSink> sinks, ILoggerFactory loggers)
    {
        Name = name;
        Virtual = node;
        _share = share;
        _time = time;
        _loggers = loggers;
        _options = new AgentOptions { NodeName = name, ClusterName = options.ClusterName, Enforcement = options.Enforcement };
        _options.Datapath.EnableIPv4 = options.Datapath.EnableIPv4;
        _options.Datapath.EnableIPv6 = options.Datapath.EnableIPv6;
        _options.Datapath.EnableTunnel = options.Datapath.EnableTunnel;
        var store = new StateStore();
        Tables = new AgentTables(store, share.Kubernetes, new DatapathTables(store));
        _book = new AddressBook(Tables);
        Ipam = new NodeIpam(options.Datapath.EnableIPv4, options.Datapath.EnableIPv6, time: time, random: node.Fabric.Options.Random);
        _localIdentities = new LocalIdentityAllocator(_options.Cluster);
        Policies = new PolicyEngine(new PolicyOptions { Cluster = _options.Cluster, Enforcement = options.Enforcement, AllowLocalhost = _options.AllowLocalhost }, _localIdentities);
        Datapath = new VirtualDatapath(node, Tables.Datapath, options.Datapath, sinks, time, loggers);
        LabelFilter = options.LabelFilter;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The machine.</summary>
    public VirtualNode Virtual { get; }

    /// <summary>Its addresses.</summary>
    /// <exception cref="InvalidOperationException">It has none yet.</exception>
    public LocalNodeRow Local => _local ?? throw new InvalidOperationException($"{Name} has no addresses yet");

    /// <summary>The agent's tables.</summary>
    public AgentTables Tables { get; }

    /// <summary>The agent's rules and compiled policies.</summary>
    public PolicyEngine Policies { get; }

    /// <summary>The datapath.</summary>
    public VirtualDatapath Datapath { get; }

    /// <summary>The agent's addresses.</summary>
    public NodeIpam Ipam { get; }

    /// <summary>Its router's addresses, as the CiliumNode tells them.</summary>
    internal IEnumerable<NodeAddress> RouterAddresses => new[] { Local.RouterIPv4, Local.RouterIPv6 }
        .Where(router => !router.IsNone).Select(router => new NodeAddress(NodeAddress.CiliumInternalIP, router));

    internal LabelFilter LabelFilter { get; }

    /// <summary>The agent's options.</summary>
    internal AgentOptions Options => _options;

    /// <summary>Rows that could not be carried out and wait for a retry.</summary>
    internal int ErrorCount => Datapath.ErrorCount + (Writers?.ErrorCount ?? 0);

    /// <summary>What the agent writes to the API server; null when it writes nothing.</summary>
    internal AgentWriters? Writers { get; set; }

    /// <summary>A number for an endpoint. It is not given again soon.</summary>
    internal EndpointId NextEndpoint()
    {
        do
            _lastEndpoint = _lastEndpoint == ushort.MaxValue ? (ushort)1 : (ushort)(_lastEndpoint + 1);
        while (Tables.Endpoints.TryGet(new EndpointId(_lastEndpoint), out _));
        return new EndpointId(_lastEndpoint);
    }

    /// <summary>Takes the pod CIDRs of its CiliumNode, and an address of them for its router.</summary>
    /// <exception cref="InvalidOperationException">The CiliumNode has no pod CIDRs.</exception>
    internal void TakeAddresses(KubeNodeRow row)
    {
        var plan = new NodeAddressPlan(Tables, _options, Ipam, new NewMachine());
        _local = plan.Complete(row, plan.TakeRanges() ?? throw new InvalidOperationException($"{Name} has no pod CIDRs"));
        Tables.Store.Write(transaction => transaction.Upsert(Tables.LocalNode, Local));
    }

    /// <summary>Takes an endpoint as the CNI plugin would register it.</summary>
    internal void Register(SimulatedPod pod) => Tables.Store.Write(transaction =>
    {
        transaction.Upsert(Tables.Endpoints, new LocalEndpointRow
        {
            Id = pod.Id,
            ContainerId = pod.Row.Uid,
            ContainerInterfaceName = "eth0",
            InterfaceName = pod.HostSide.Name,
            InterfaceIndex = (int)pod.HostSide.Index,
            PodMac = pod.Namespace.InterfaceOrNull("eth0")!.Mac,
            HostMac = pod.HostSide.Mac,
            IPv4 = pod.Row.PodIPs.FirstOrDefault(address => address.IsIPv4),
            IPv6 = pod.Row.PodIPs.FirstOrDefault(address => !address.IsIPv4),
            PodNamespace = pod.Row.Namespace,
            PodName = pod.Row.Name,
            PodUid = pod.Row.Uid,
            NetnsCookie = pod.Namespace.Cookie,
        });
    });

    /// <summary>Says which identity an endpoint has, in place of the agent's own derivation.</summary>
    internal void Identify(SimulatedPod pod, Identity identity) => Tables.Store.Write(transaction => transaction.Upsert(Tables.EndpointIdentities, new EndpointIdentityRow
    {
        Id = pod.Id,
        Identity = identity,
        Labels = pod.Subject.Labels,
        NamedPorts = pod.Subject.NamedPorts,
        PodUid = pod.Row.Uid,
        ServiceAccount = pod.Row.ServiceAccount,
        PodPorts = pod.Row.Ports,
    }));

    /// <summary>Takes back what <see cref="Identify"/> said.</summary>
    internal void Forget(SimulatedPod pod) => Tables.Store.Write(transaction => transaction.Delete(Tables.EndpointIdentities, pod.Id));

    /// <summary>The pod is gone, devices and all.</summary>
    internal void Unregister(SimulatedPod pod)
    {
        Virtual.RemoveNamespace(pod.Namespace);
        Tables.Store.Write(transaction => transaction.Delete(Tables.Endpoints, pod.Id));
        foreach (var address in pod.Row.PodIPs)
            Ipam.Release(address);
    }

    /// <summary>Starts the datapath. Call when it has its addresses, and not on two nodes at once: their devices take numbers from the fabric.</summary>
    internal async Task StartDatapathAsync(CancellationToken cancellationToken)
    {
        AgentInitializers.Register(Tables);
        await Datapath.StartAsync(Local, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Starts a loop of the agent.</summary>
    internal void Run(Func<CancellationToken, Task> loop) => _loops.Add(Task.Run(() => loop(_stop.Token), CancellationToken.None));

    /// <summary>Starts the derivation of policies, and waits for its first round.</summary>
    internal Task StartPoliciesAsync(CancellationToken cancellationToken)
    {
        var rules = new PolicyObjectRules(new PolicyDecoder(LabelFilter), _loggers.CreateLogger<PolicyObjectRules>());
        var apiServer = new ApiServerAddresses(Tables, _options, Local, _book, Policies, _localIdentities, new NewMachine());
        Run(new PolicyDerivation(Tables, Datapath, _book, new EndpointEgress(Tables, _options), Policies, rules, apiServer, _time).RunAsync);
        return FirstRoundAsync(cancellationToken, Tables.Datapath.Endpoints.WaitInitializedAsync, Tables.Datapath.Policies.WaitInitializedAsync);
    }

    /// <summary>Starts the other derivations, and waits until the first round of every one of them was carried out.</summary>
    internal async Task StartAsync(CancellationToken cancellationToken)
    {
        var policies = Tables.Datapath.Policies.IsInitialized ? Task.CompletedTask : StartPoliciesAsync(cancellationToken);
        Run(new AddressDerivation(Tables, _options, Local, _book, _time, _share.Addresses).RunAsync);
        Run(new ServiceDerivation(Tables, _options, _time, _loggers.CreateLogger<FrontendClaims>()).RunAsync);
        Run(new NodeDerivation(Tables, _options, _time, _share.Nodes).RunAsync);
        await FirstRoundAsync(
            cancellationToken,
            Tables.Datapath.IpCache.WaitInitializedAsync,
            Tables.Datapath.Frontends.WaitInitializedAsync,
            Tables.Datapath.Nodes.WaitInitializedAsync).ConfigureAwait(false);
        await policies.ConfigureAwait(false);
        while (!Datapath.HasPruned || !IsQuiet)
            await Task.Delay(1, cancellationToken).ConfigureAwait(false);
    }

    private async Task FirstRoundAsync(CancellationToken cancellationToken, params Func<CancellationToken, Task>[] tables)
    {
        // A loop that fails would be waited for in vain.
        var first = Task.WhenAll(tables.Select(table => table(cancellationToken)));
        var ended = await Task.WhenAny([first, .. _loops]).ConfigureAwait(false);
        await ended.ConfigureAwait(false);
    }

    /// <summary>Whether nothing of the agent is at work: everything it knows was carried out, or waits for a retry.</summary>
    /// <exception cref="InvalidOperationException">A derivation has failed.</exception>
    internal bool IsQuiet
    {
        get
        {
            if (_loops.Find(loop => loop.IsFaulted) is { } failed)
                throw new InvalidOperationException($"a derivation of {Name} failed: {failed.Exception!.InnerException!.Message}", failed.Exception);
            var revision = Tables.Store.Revision;
            return Tables.Store.IsQuiet && Tables.Store.IsQuiet && Tables.Store.Revision == revision;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).ContinueWith(static _ => { }, TaskScheduler.Default).ConfigureAwait(false);
        Datapath.Dispose();
        _stop.Dispose();
    }

    /// <summary>A machine that no agent has run on.</summary>
    private sealed class NewMachine : ILocalDevices
    {
        public IReadOnlyDictionary<int, string> All() => new Dictionary<int, string>();

        public string? DeviceOf(IpAddr address) => null;

        public IReadOnlyList<IpAddr> AddressesOf(string name) => [];
    }
}
