using Cilium.Core;
using Cilium.Core.Tables;

namespace Cilium.Kubernetes;

/// <summary>What the API server holds, as rows; written only by the reflectors of this room.</summary>
public sealed class KubernetesTables
{
    /// <summary>Makes the tables in a store.</summary>
    public KubernetesTables(StateStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        Store = store;
        Pods = store.CreateTable<NamespacedName, PodRow>("k8s-pods", row => row.Key);
        Namespaces = store.CreateTable<string, NamespaceRow>("k8s-namespaces", row => row.Name);
        Nodes = store.CreateTable<string, KubeNodeRow>("k8s-nodes", row => row.Name);
        Services = store.CreateTable<NamespacedName, ServiceRow>("k8s-services", row => row.Key);
        EndpointSlices = store.CreateTable<NamespacedName, EndpointSliceRow>("k8s-endpointslices", row => row.Key);
        CiliumNodes = store.CreateTable<string, CiliumNodeRow>("k8s-ciliumnodes", row => row.Name);
        CiliumEndpoints = store.CreateTable<NamespacedName, CiliumEndpointRow>("k8s-ciliumendpoints", row => row.Key);
        CiliumIdentities = store.CreateTable<Identity, CiliumIdentityRow>("k8s-ciliumidentities", row => row.Id);
        PodIPPools = store.CreateTable<string, PodIPPoolRow>("k8s-podippools", row => row.Name);
        LoadBalancerIPPools = store.CreateTable<string, LoadBalancerIPPoolRow>("k8s-loadbalancerippools", row => row.Name);
        Policies = store.CreateTable<PolicyObjectKey, PolicyObjectRow>("k8s-policies", row => row.Key);
    }

    /// <summary>The store.</summary>
    public StateStore Store { get; }

    /// <summary>Pods; on an agent only those of its node.</summary>
    public Table<NamespacedName, PodRow> Pods { get; }

    /// <summary>Namespaces.</summary>
    public Table<string, NamespaceRow> Namespaces { get; }

    /// <summary>Nodes; on an agent possibly only its own.</summary>
    public Table<string, KubeNodeRow> Nodes { get; }

    /// <summary>Services.</summary>
    public Table<NamespacedName, ServiceRow> Services { get; }

    /// <summary>Endpoint slices.</summary>
    public Table<NamespacedName, EndpointSliceRow> EndpointSlices { get; }

    /// <summary>CiliumNodes.</summary>
    public Table<string, CiliumNodeRow> CiliumNodes { get; }

    /// <summary>CiliumEndpoints.</summary>
    public Table<NamespacedName, CiliumEndpointRow> CiliumEndpoints { get; }

    /// <summary>CiliumIdentities.</summary>
    public Table<Identity, CiliumIdentityRow> CiliumIdentities { get; }

    /// <summary>CiliumPodIPPools.</summary>
    public Table<string, PodIPPoolRow> PodIPPools { get; }

    /// <summary>CiliumLoadBalancerIPPools.</summary>
    public Table<string, LoadBalancerIPPoolRow> LoadBalancerIPPools { get; }

    /// <summary>Policy objects of all kinds, undecoded.</summary>
    public Table<PolicyObjectKey, PolicyObjectRow> Policies { get; }
}
