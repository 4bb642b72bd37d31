namespace Cilium.Lab.Storage;

/// <summary>The kinds every cluster serves.</summary>
internal static class BuiltInKinds
{
    public static readonly ResourceId Pods = new("", "pods");
    public static readonly ResourceId Nodes = new("", "nodes");
    public static readonly ResourceId Namespaces = new("", "namespaces");
    public static readonly ResourceId Services = new("", "services");
    public static readonly ResourceId Endpoints = new("", "endpoints");
    public static readonly ResourceId Events = new("", "events");
    public static readonly ResourceId ConfigMaps = new("", "configmaps");
    public static readonly ResourceId Secrets = new("", "secrets");
    public static readonly ResourceId ServiceAccounts = new("", "serviceaccounts");
    public static readonly ResourceId Deployments = new("apps", "deployments");
    public static readonly ResourceId ReplicaSets = new("apps", "replicasets");
    public static readonly ResourceId DaemonSets = new("apps", "daemonsets");
    public static readonly ResourceId EndpointSlices = new("discovery.k8s.io", "endpointslices");
    public static readonly ResourceId Leases = new("coordination.k8s.io", "leases");
    public static readonly ResourceId CustomResourceDefinitions = new("apiextensions.k8s.io", "customresourcedefinitions");
    public static readonly ResourceId ServiceCidrs = new("networking.k8s.io", "servicecidrs");

    public static readonly IReadOnlyList<ResourceKind> All =
    [
        Define("", "v1", "pods", "Pod", "po", status: true, categories: ["all"]),
        Define("", "v1", "nodes", "Node", "no", namespaced: false, status: true),
        Define("", "v1", "namespaces", "Namespace", "ns", namespaced: false, status: true),
        Define("", "v1", "services", "Service", "svc", status: true, categories: ["all"]),
        Define("", "v1", "endpoints", "Endpoints", "ep", singular: "endpoints"),
        Define("", "v1", "events", "Event", "ev"),
        Define("", "v1", "configmaps", "ConfigMap", "cm"),
        Define("", "v1", "secrets", "Secret"),
        Define("", "v1", "serviceaccounts", "ServiceAccount", "sa"),
        Define("apps", "v1", "deployments", "Deployment", "deploy", status: true, scale: true, categories: ["all"]),
        Define("apps", "v1", "replicasets", "ReplicaSet", "rs", status: true, scale: true, categories: ["all"]),
        Define("apps", "v1", "daemonsets", "DaemonSet", "ds", status: true, categories: ["all"]),
        Define("apps", "v1", "controllerrevisions", "ControllerRevision"),
        Define("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
        Define("coordination.k8s.io", "v1", "leases", "Lease"),
        Define("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", "netpol"),
        Define("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", namespaced: false, status: true),
        Define("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced: false),
        Define("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced: false),
        Define("rbac.authorization.k8s.io", "v1", "roles", "Role"),
        Define("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
        Define("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", "pc", namespaced: false),
        Define("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", "crd", namespaced: false, status: true),
    ];

    private static ResourceKind Define(
        string group, string version, string plural, string kind, string? shortName = null, bool namespaced = true, bool status = false,
        bool scale = false, string? singular = null, IReadOnlyList<string>? categories = null) => new()
        {
            Id = new ResourceId(group, plural),
            Kind = kind,
            Singular = singular ?? kind.ToLowerInvariant(),
            Namespaced = namespaced,
            ShortNames = shortName is null ? [] : shortName == "crd" ? ["crd", "crds"] : [shortName],
            Categories = categories ?? [],
            Versions = [new ServedVersion(version)],
            StorageVersion = version,
            HasStatus = status,
            HasScale = scale,
        };
}
