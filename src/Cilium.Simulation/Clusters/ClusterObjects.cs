using Cilium.Kubernetes;

namespace Cilium.Simulation.Clusters;

/// <summary>What an API server would hold, as rows.</summary>
public sealed class ClusterObjects
{
    /// <summary>Namespaces; those that other objects name and that are not here are added without labels of their own.</summary>
    public List<NamespaceRow> Namespaces { get; } = [];

    /// <summary>Pods. Without a node they are spread over all, without addresses they get some.</summary>
    public List<PodRow> Pods { get; } = [];

    /// <summary>Services. Without a cluster address they get one.</summary>
    public List<ServiceRow> Services { get; } = [];

    /// <summary>Endpoint slices of services without a selector; those of others are made from their pods.</summary>
    public List<EndpointSliceRow> EndpointSlices { get; } = [];

    /// <summary>Policies of all kinds.</summary>
    public List<PolicyObjectRow> Policies { get; } = [];
}
