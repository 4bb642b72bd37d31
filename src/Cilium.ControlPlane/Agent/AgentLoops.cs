using Cilium.ControlPlane.Addresses;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Health;
using Cilium.ControlPlane.Identities;
using Cilium.ControlPlane.Nodes;
using Cilium.ControlPlane.Policies;
using Cilium.ControlPlane.Services;
using Cilium.ControlPlane.Serving;
using Cilium.Core.Reconciliation;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Agent;

/// <summary>Makes and runs the loops of an agent. The first that fails ends all: state is in tables and on disk, so a new process converges.</summary>
internal sealed class AgentLoops(AgentContext agent, WebServer web, EndpointStore store, LocalIdentityAllocator localIdentities, ILoggerFactory loggers)
{
    private const string CiliumEndpointLoop = "sync-ciliumendpoints";
    private static readonly TimeSpan s_probePatience = TimeSpan.FromSeconds(3);
    private readonly List<Task> _running = [];

    /// <summary>Starts every loop; the returned task ends with the first that fails.</summary>
    public Task Start(
        LocalNodeRow self, IReadOnlyList<EndpointIdentityRow> restored, ILocalDevices devices, CrdIdentityAllocator identities, CancellationToken cancellationToken)
    {
        var (tables, options, time) = (agent.Tables, agent.Options, agent.Time);
        var endpointIdentities = new EndpointIdentityDerivation(
            tables,
            options,
            new ClusterIdentityAllocator(identities, time, loggers.CreateLogger<ClusterIdentityAllocator>()),
            new EndpointFiles(tables, store, time, loggers.CreateLogger<EndpointFiles>()),
            () => agent.Connection.UnreachableReason is not null,
            time,
            loggers.CreateLogger<EndpointIdentityDerivation>());
        endpointIdentities.Restore(restored);
        var rules = new PolicyObjectRules(new PolicyDecoder(options.LabelFilter), loggers.CreateLogger<PolicyObjectRules>());
        var book = new AddressBook(tables);
        var apiServer = new ApiServerAddresses(tables, options, self, book, agent.Policies, localIdentities, devices);
        IAgentLoop[] loops =
        [
            endpointIdentities,
            new PolicyDerivation(tables, agent.Datapath, book, new EndpointEgress(tables, options), agent.Policies, rules, apiServer, time),
            new AddressDerivation(tables, options, self, book, time),
            new HealthCheckPorts(tables, options, web, time, loggers.CreateLogger<HealthCheckPorts>()),
            new NodeDerivation(tables, options, time),
            new CiliumEndpointDerivation(tables, agent.Options, self, time),
            new EndpointCollector(tables, options, agent.Registry, devices, time, loggers.CreateLogger<EndpointCollector>()),
            new DeletionReplay(tables, options, agent.Registry, time, loggers.CreateLogger<DeletionReplay>()),
            new IdleResources(tables.Store, time),
            new NodePublisher(tables, options, agent.Connection, agent.Readiness, time, loggers.CreateLogger<NodePublisher>()),
        ];
        foreach (var loop in options.EnableHealthChecking ? [.. loops, .. HealthLoops(self)] : loops)
        {
            Run(loop.Name, loop.RunAsync, cancellationToken);
        }

        var ciliumEndpoints = new Reconciler<NamespacedName, CiliumEndpointContent>(
            tables.CiliumEndpoints,
            new CiliumEndpointOperations(tables.Kubernetes.CiliumEndpoints, tables.Kubernetes.Pods, new CiliumEndpointWriter(agent.Connection), self),
            new ReconcilerOptions(),
            time,
            loggers.CreateLogger<Reconciler<NamespacedName, CiliumEndpointContent>>());
        agent.Failures[CiliumEndpointLoop] = () => ciliumEndpoints.Errors()
            .Select(error => error.Value with { Message = $"{error.Key}: {error.Value.Message}" })
            .MaxBy(status => status.Attempts);
        Run(CiliumEndpointLoop, ciliumEndpoints.RunAsync, cancellationToken);
        Run(new CiliumEndpointRepair(tables, ciliumEndpoints), cancellationToken);
        return Task.WhenAny(_running).Unwrap();
    }

    private IAgentLoop[] HealthLoops(LocalNodeRow self)
    {
        var prober = new HealthProber(agent.Tables, agent.Options, agent.Readiness, new HealthProbe(agent.Options.ClusterHealthPort, s_probePatience), agent.Time);
        return [new HealthEndpoint(agent, web, self, prober, loggers.CreateLogger<HealthEndpoint>()), prober];
    }

    /// <summary>Starts a loop that the start itself needs.</summary>
    public void Run(IAgentLoop loop, CancellationToken cancellationToken) => Run(loop.Name, loop.RunAsync, cancellationToken);

    /// <summary>Waits until all have ended after their token was cancelled.</summary>
    public Task WhenEndedAsync() => Task.WhenAll(_running).ContinueWith(static _ => { }, TaskScheduler.Default);

    private void Run(string name, Func<CancellationToken, Task> loop, CancellationToken cancellationToken)
    {
        agent.Loops[name] = agent.Time.GetUtcNow();
        _running.Add(Task.Run(() => loop(cancellationToken), CancellationToken.None));
    }
}
