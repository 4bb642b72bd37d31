using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Health;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Agent;

/// <summary>All tables of an agent: what Kubernetes says, what the CNI says, what is derived, and what the datapath is to do.</summary>
public sealed class AgentTables
{
    /// <summary>
    /// Makes the agent's own tables in the store that those of the datapath belong to. What the API server holds may be in a store of its own,
    /// which the agents of one process have in common.
    /// </summary>
    public AgentTables(StateStore store, KubernetesTables kubernetes, DatapathTables datapath)
    {
        ArgumentNullException.ThrowIfNull(store);
        Store = store;
        Kubernetes = kubernetes;
        Datapath = datapath;
        Endpoints = store.CreateTable<EndpointId, LocalEndpointRow>("endpoints", row => row.Id);
        EndpointIdentities = store.CreateTable<EndpointId, EndpointIdentityRow>("endpoint-identities", row => row.Id);
        CiliumEndpoints = store.CreateTable<NamespacedName, CiliumEndpointContent>("own-ciliumendpoints", row => row.Key);
        LocalNode = store.CreateTable<string, LocalNodeRow>("local-node", row => row.Name);
        HealthAddresses = store.CreateTable<string, HealthAddressRow>("local-health", row => row.NodeName);
        Instance = store.CreateTable<string, NodeInstance>("local-instance", row => row.Id);
    }

    /// <summary>The store of all tables.</summary>
    public StateStore Store { get; }

    /// <summary>What the API server holds.</summary>
    public KubernetesTables Kubernetes { get; }

    /// <summary>What the datapath is to do.</summary>
    public DatapathTables Datapath { get; }

    /// <summary>The pods of this node as the CNI told them. Written by <see cref="EndpointRegistry"/>.</summary>
    public Table<EndpointId, LocalEndpointRow> Endpoints { get; }

    /// <summary>Their identities. Written by <see cref="EndpointIdentityDerivation"/>.</summary>
    public Table<EndpointId, EndpointIdentityRow> EndpointIdentities { get; }

    /// <summary>The CiliumEndpoints that should exist for this node. Written by <see cref="CiliumEndpointDerivation"/>.</summary>
    public Table<NamespacedName, CiliumEndpointContent> CiliumEndpoints { get; }

    /// <summary>This node, once its addresses are known: one row. Written by the agent at start.</summary>
    public Table<string, LocalNodeRow> LocalNode { get; }

    /// <summary>What the health endpoint of this node has for addresses: one row, or none. Written by its plan.</summary>
    public Table<string, HealthAddressRow> HealthAddresses { get; }

    /// <summary>What this node is in AWS (mode <c>eni</c>): one row. Written by the agent at start.</summary>
    public Table<string, NodeInstance> Instance { get; }
}
