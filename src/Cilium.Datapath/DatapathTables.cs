using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath.Endpoints;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Nodes;

namespace Cilium.Datapath;

/// <summary>The desired state of this node's datapath: what the control plane writes and the reconcilers carry to the kernel.</summary>
/// <remarks>
/// One writer per table: endpoints and policies by the endpoint derivation, ipcache by the address derivation, frontends by the service
/// derivation, nodes by the node derivation. All belong to one store, so that one write may touch several.
/// </remarks>
public sealed class DatapathTables
{
    /// <summary>Makes the tables in a store.</summary>
    public DatapathTables(StateStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        Store = store;
        Endpoints = store.CreateTable<EndpointId, EndpointRow>("datapath-endpoints", row => row.Id);
        Policies = store.CreateTable<PolicyContentKey, PolicyRow>("datapath-policies", row => row.Key);
        IpCache = store.CreateTable<Prefix, IpCacheRow>("datapath-ipcache", row => row.Prefix);
        Frontends = store.CreateTable<L4Address, FrontendRow>("datapath-frontends", row => row.Address);
        Nodes = store.CreateTable<string, NodeRow>("datapath-nodes", row => row.Name);
    }

    /// <summary>The store.</summary>
    public StateStore Store { get; }

    /// <summary>Local endpoints.</summary>
    public Table<EndpointId, EndpointRow> Endpoints { get; }

    /// <summary>Compiled policies.</summary>
    public Table<PolicyContentKey, PolicyRow> Policies { get; }

    /// <summary>Identities and tunnel endpoints by prefix.</summary>
    public Table<Prefix, IpCacheRow> IpCache { get; }

    /// <summary>Service frontends with their backends.</summary>
    public Table<L4Address, FrontendRow> Frontends { get; }

    /// <summary>The other nodes.</summary>
    public Table<string, NodeRow> Nodes { get; }
}
