using k8s;
using k8s.KubeConfigModels;

namespace Cilium.Kubernetes;

/// <summary>Several kubeconfig files read as one, as kubectl reads them: what several name, the first of them says.</summary>
internal static class MergedKubeconfig
{
    /// <exception cref="Exception">Whatever the library's readers throw.</exception>
    public static KubernetesClientConfiguration Read(IReadOnlyList<string> paths, string? context)
    {
        var files = paths.Select(ReadOne).ToList();
        var merged = new K8SConfiguration
        {
            CurrentContext = files.Select(file => file.CurrentContext).FirstOrDefault(name => !string.IsNullOrEmpty(name)),
            Contexts = [.. files.SelectMany(file => file.Contexts ?? []).DistinctBy(entry => entry.Name)],
            Clusters = [.. files.SelectMany(file => file.Clusters ?? []).DistinctBy(entry => entry.Name)],
            Users = [.. files.SelectMany(file => file.Users ?? []).DistinctBy(entry => entry.Name)],
        };
        return KubernetesClientConfiguration.BuildConfigFromConfigObject(merged, context);
    }

    private static K8SConfiguration ReadOne(string path)
    {
        var file = KubernetesClientConfiguration.LoadKubeConfig(new FileInfo(path)) ?? throw new FormatException($"{path} holds no configuration");

        // What a file points to lies beside it, and not beside the first of the files.
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string? Beside(string? other) => string.IsNullOrEmpty(other) ? other : Path.Combine(folder, other);
        foreach (var cluster in (file.Clusters ?? []).Select(entry => entry.ClusterEndpoint).OfType<ClusterEndpoint>())
        {
            cluster.CertificateAuthority = Beside(cluster.CertificateAuthority);
        }

        foreach (var user in (file.Users ?? []).Select(entry => entry.UserCredentials).OfType<UserCredentials>())
        {
            user.ClientCertificate = Beside(user.ClientCertificate);
            user.ClientKey = Beside(user.ClientKey);
        }

        return file;
    }
}
