namespace Cilium.Kubernetes;

/// <summary>Where the API server is, and how patient to be.</summary>
public sealed class KubernetesConnectionOptions
{
    /// <summary>A kubeconfig file; null for the service account of the pod.</summary>
    public string? KubeconfigPath { get; set; }

    /// <summary>Kubeconfig files that are read as one, in place of <see cref="KubeconfigPath"/>: what several name, the first of them says.</summary>
    public IReadOnlyList<string> KubeconfigPaths { get; set; } = [];

    /// <summary>A context of the kubeconfig; null for its current one.</summary>
    public string? Context { get; set; }

    /// <summary>Replaces the server's URL of the configuration; null keeps it.</summary>
    public string? ServerUrl { get; set; }

    /// <summary>What the server logs as the client.</summary>
    public string UserAgent { get; set; } = "cilium-dotnet";

    /// <summary>Longest wait for the answer to a request other than a watch.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(30);
}
