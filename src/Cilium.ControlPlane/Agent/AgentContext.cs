using Cilium.Api;
using Cilium.ControlPlane.Endpoints;
using Cilium.Core.Reconciliation;
using Cilium.Datapath;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Agent;

/// <summary>What the parts of one agent share; what the REST API reads.</summary>
public sealed class AgentContext
{
    /// <summary>The configuration.</summary>
    public required AgentOptions Options { get; init; }

    /// <summary>All tables.</summary>
    public required AgentTables Tables { get; init; }

    /// <summary>The node's addresses.</summary>
    public required INodeIpam Ipam { get; init; }

    /// <summary>Rules and identities.</summary>
    public required PolicyEngine Policies { get; init; }

    /// <summary>The endpoints' writer.</summary>
    public required EndpointRegistry Registry { get; init; }

    /// <summary>The kernel.</summary>
    public required IDatapath Datapath { get; init; }

    /// <summary>The node's devices.</summary>
    public required Nodes.ILocalDevices Devices { get; init; }

    /// <summary>The way to the API server.</summary>
    public required KubernetesConnection Connection { get; init; }

    /// <summary>How far the start has come.</summary>
    public required AgentReadiness Readiness { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Tells the state of flow observation; null when it is off.</summary>
    public Func<HubbleStatus>? Hubble { get; init; }

    /// <summary>The loops that run, by name, with the time they were started.</summary>
    public System.Collections.Concurrent.ConcurrentDictionary<string, DateTimeOffset> Loops { get; } = new();

    /// <summary>What fails in a loop, by the loop's name: the row that failed most often, or null.</summary>
    public System.Collections.Concurrent.ConcurrentDictionary<string, Func<ReconcileStatus?>> Failures { get; } = new();
}
