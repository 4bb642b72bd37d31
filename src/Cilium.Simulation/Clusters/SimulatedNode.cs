using Cilium.ControlPlane.Addresses;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Nodes;
using Cilium.ControlPlane.Policies;
using Cilium.ControlPlane.Services;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Events;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;
using Cilium.Simulation.Nodes;
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

    internal SimulatedNode(VirtualNode node, LocalNodeRow local, SimulationOptions options, IEnumerable<IDatapathEventSink> sinks, ILoggerFactory loggers)
    {
        Virtual = node;
        Local = local;
        _loggers = loggers;
        _options = new AgentOptions { NodeName = local.Name, ClusterName = options.ClusterName, Enforcement = options.Enforcement };
        _options.Datapath.EnableIPv4 = options.Datapath.EnableIPv4;
        _options.Datapath.EnableIPv6 = options.Datapath.EnableIPv6;
        _options.Datapath.EnableTunnel = options.Datapath.EnableTunnel;
        var store = new StateStore();
        Tables = new AgentTables(store, new KubernetesTables(store), new DatapathTables(store));
        _localIdentities = new LocalIdentityAllocator(_options.Cluster);
        Policies = new PolicyEngine(new PolicyOptions { Cluster = _options.Cluster, Enforcement = options.Enforcement, AllowLocalhost = _options.AllowLocalhost }, _localIdentities);
        Datapath = new VirtualDatapath(node, Tables.Datapath, options.Datapath, sinks, TimeProvider.System, loggers);
        LabelFilter = options.LabelFilter;
    }

    /// <summary>Its name.</summary>
    public string Name => Local.Name;

    /// <summary>The machine.</summary>
    public VirtualNode Virtual { get; }

    /// <summary>Its addresses.</summary>
    public LocalNodeRow Local { get; }

    /// <summary>The agent's tables.</summary>
    public AgentTables Tables { get; }

    /// <summary>The agent's rules and compiled policies.</summary>
    public PolicyEngine Policies { get; }

    /// <summary>The datapath.</summary>
    public VirtualDatapath Datapath { get; }

    internal LabelFilter LabelFilter { get; }

    /// <summary>Takes an endpoint as the CNI plugin would register it, with the identity of its labels.</summary>
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
        transaction.Upsert(Tables.EndpointIdentities, new EndpointIdentityRow
        {
            Id = pod.Id,
            Identity = pod.Identity,
            Labels = pod.Subject.Labels,
            NamedPorts = pod.Subject.NamedPorts,
            PodUid = pod.Row.Uid,
            ServiceAccount = pod.Row.ServiceAccount,
            PodPorts = pod.Row.Ports,
        });
    });

    /// <summary>Starts the datapath and the derivations.</summary>
    internal async Task StartAsync(CancellationToken cancellationToken)
    {
        AgentInitializers.Register(Tables);
        Tables.Store.Write(transaction => transaction.Upsert(Tables.LocalNode, Local));
        await Datapath.StartAsync(Local, cancellationToken).ConfigureAwait(false);
        var rules = new PolicyObjectRules(new PolicyDecoder(LabelFilter), _loggers.CreateLogger<PolicyObjectRules>());
        IAgentLoop[] loops =
        [
            new PolicyDerivation(Tables, new EndpointEgress(Tables, _options), Policies, rules, TimeProvider.System),
            new AddressDerivation(Tables, _options, Local, new ApiServerAddresses(Tables, _options, Policies, _localIdentities), TimeProvider.System),
            new ServiceDerivation(Tables, _options, TimeProvider.System),
            new NodeDerivation(Tables, _options, TimeProvider.System),
        ];
        _loops.AddRange(loops.Select(loop => Task.Run(() => loop.RunAsync(_stop.Token), CancellationToken.None)));
    }

    /// <summary>Waits until the first round of every derivation was carried out.</summary>
    internal async Task SettleAsync(CancellationToken cancellationToken)
    {
        var first = Task.WhenAll(
            Tables.Datapath.Endpoints.WaitInitializedAsync(cancellationToken),
            Tables.Datapath.Policies.WaitInitializedAsync(cancellationToken),
            Tables.Datapath.IpCache.WaitInitializedAsync(cancellationToken),
            Tables.Datapath.Frontends.WaitInitializedAsync(cancellationToken),
            Tables.Datapath.Nodes.WaitInitializedAsync(cancellationToken));
        // A derivation that fails would be waited for in vain.
        var ended = await Task.WhenAny([first, .. _loops]).ConfigureAwait(false);
        await ended.ConfigureAwait(false);
        await Datapath.SettleAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).ContinueWith(static _ => { }, TaskScheduler.Default).ConfigureAwait(false);
        Datapath.Dispose();
        _stop.Dispose();
    }
}
