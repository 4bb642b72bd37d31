namespace Cilium.Kubernetes;

/// <summary>A kind of object as the API server addresses it.</summary>
/// <param name="Group">The API group; empty for the core group.</param>
/// <param name="Version">The version: <c>v1</c>, <c>v2</c>, ...</param>
/// <param name="Plural">The plural name in paths.</param>
/// <param name="Kind">The kind's name in objects.</param>
/// <param name="IsNamespaced">False for cluster-wide objects.</param>
public sealed record Resource(string Group, string Version, string Plural, string Kind, bool IsNamespaced)
{
    /// <summary>Pods.</summary>
    public static Resource Pods { get; } = new("", "v1", "pods", "Pod", true);

    /// <summary>Namespaces.</summary>
    public static Resource Namespaces { get; } = new("", "v1", "namespaces", "Namespace", false);

    /// <summary>Nodes.</summary>
    public static Resource Nodes { get; } = new("", "v1", "nodes", "Node", false);

    /// <summary>Services.</summary>
    public static Resource Services { get; } = new("", "v1", "services", "Service", true);

    /// <summary>Events.</summary>
    public static Resource Events { get; } = new("", "v1", "events", "Event", true);

    /// <summary>Endpoint slices.</summary>
    public static Resource EndpointSlices { get; } = new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true);

    /// <summary>Network policies of Kubernetes.</summary>
    public static Resource NetworkPolicies { get; } = new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true);

    /// <summary>Leases.</summary>
    public static Resource Leases { get; } = new("coordination.k8s.io", "v1", "leases", "Lease", true);

    /// <summary>Definitions of custom resources.</summary>
    public static Resource CustomResourceDefinitions { get; } =
        new("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false);

    /// <summary>CiliumNodes.</summary>
    public static Resource CiliumNodes { get; } = new("cilium.io", "v2", "ciliumnodes", "CiliumNode", false);

    /// <summary>CiliumEndpoints.</summary>
    public static Resource CiliumEndpoints { get; } = new("cilium.io", "v2", "ciliumendpoints", "CiliumEndpoint", true);

    /// <summary>CiliumIdentities.</summary>
    public static Resource CiliumIdentities { get; } = new("cilium.io", "v2", "ciliumidentities", "CiliumIdentity", false);

    /// <summary>CiliumNetworkPolicies.</summary>
    public static Resource CiliumNetworkPolicies { get; } =
        new("cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy", true);

    /// <summary>CiliumClusterwideNetworkPolicies.</summary>
    public static Resource CiliumClusterwideNetworkPolicies { get; } =
        new("cilium.io", "v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy", false);

    /// <summary>CiliumPodIPPools.</summary>
    public static Resource CiliumPodIPPools { get; } = new("cilium.io", "v2alpha1", "ciliumpodippools", "CiliumPodIPPool", false);

    /// <summary>CiliumLoadBalancerIPPools.</summary>
    public static Resource CiliumLoadBalancerIPPools { get; } =
        new("cilium.io", "v2", "ciliumloadbalancerippools", "CiliumLoadBalancerIPPool", false);

    /// <summary><c>group/version</c>, or only the version in the core group.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The resource of a kind of policy object.</summary>
    public static Resource Of(PolicyObjectKind kind) => kind switch
    {
        PolicyObjectKind.NetworkPolicy => NetworkPolicies,
        PolicyObjectKind.CiliumNetworkPolicy => CiliumNetworkPolicies,
        PolicyObjectKind.CiliumClusterwideNetworkPolicy => CiliumClusterwideNetworkPolicies,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a kind of policy"),
    };

    /// <summary>The path of the collection, relative to the server's root.</summary>
    /// <param name="inNamespace">The namespace; empty for all namespaces or for a cluster-wide kind.</param>
    public string CollectionPath(string inNamespace)
    {
        var root = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        return inNamespace.Length == 0 || !IsNamespaced
            ? $"{root}/{Plural}"
            : $"{root}/namespaces/{Uri.EscapeDataString(inNamespace)}/{Plural}";
    }

    /// <summary>The path of one object, relative to the server's root.</summary>
    public string ObjectPath(NamespacedName name) => $"{CollectionPath(name.Namespace)}/{Uri.EscapeDataString(name.Name)}";
}
