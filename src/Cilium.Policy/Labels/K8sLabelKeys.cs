namespace Cilium.Policy;

/// <summary>Keys with a meaning of their own among the labels of source <c>k8s</c>.</summary>
public static class K8sLabelKeys
{
    /// <summary>The namespace of a pod.</summary>
    public const string PodNamespace = "io.kubernetes.pod.namespace";

    /// <summary>The name of a pod; never an identity label.</summary>
    public const string PodName = "io.kubernetes.pod.name";

    /// <summary>Before the key of each label of the pod's namespace; ends in a dot.</summary>
    public const string NamespaceLabelPrefix = "io.cilium.k8s.namespace.labels.";

    /// <summary>The service account of a pod.</summary>
    public const string ServiceAccount = "io.cilium.k8s.policy.serviceaccount";

    /// <summary>The cluster of a pod.</summary>
    public const string Cluster = "io.cilium.k8s.policy.cluster";

    /// <summary>Pods may not set labels whose key begins so.</summary>
    public const string OwnPrefix = "io.cilium.k8s";
}
