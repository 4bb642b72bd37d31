using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cilium.Kubernetes.Tests.Connection;

/// <summary>Several kubeconfig files, as <c>KUBECONFIG</c> may name them.</summary>
public sealed class MergedKubeconfigTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kubeconfigs-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_one_file_names_may_be_in_another()
    {
        var contexts = Write("a", "current-context: one\ncontexts: [{name: one, context: {cluster: k, user: u}}]\n");
        var clusters = Write("b", "users: [{name: u, user: {token: t}}]\nclusters: [{name: k, cluster: {server: \"https://127.0.0.1:2\"}}]\n");
        Assert.Equal(2, Port(null, contexts, clusters));
        Assert.Equal(2, Port(null, clusters, contexts));
    }

    [Fact]
    public void What_several_name_the_first_of_them_says()
    {
        var first = Write("a", Cluster("one", 1));
        var second = Write("b", Cluster("one", 2));
        var third = Write("c", Cluster("two", 3));
        Assert.Equal(1, Port(null, first, second, third));
        Assert.Equal(2, Port(null, second, first, third));
        Assert.Equal(3, Port("two", first, second, third));
    }

    [Fact]
    public void An_authority_lies_beside_the_file_that_names_it()
    {
        var first = Write("a", "current-context: two\n");
        var second = Write("b", Cluster("two", 2).Replace("server:", "certificate-authority: ca.crt, server:", StringComparison.Ordinal));
        using var key = ECDsa.Create();
        using var authority = new CertificateRequest("CN=ca", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        File.WriteAllText(Path.Combine(_folder, "b", "ca.crt"), authority.ExportCertificatePem());
        using var connection = Open(null, first, second);
        Assert.False(connection.UsesSystemRoots);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_named()
    {
        var (first, second) = (Write("a", Cluster("one", 1)), Write("b", "a: ["));
        Assert.Contains(second, Assert.Throws<InvalidOperationException>(() => Open(null, first, second)).Message, StringComparison.Ordinal);
    }

    private static string Cluster(string name, int port) => $$$"""
        current-context: {{{name}}}
        contexts: [{name: {{{name}}}, context: {cluster: {{{name}}}, user: {{{name}}}}}]
        users: [{name: {{{name}}}, user: {token: t}}]
        clusters: [{name: {{{name}}}, cluster: {server: "https://127.0.0.1:{{{port}}}"}}]
        """;

    private static int Port(string? context, params string[] paths)
    {
        using var connection = Open(context, paths);
        return connection.Server.Port;
    }

    private static KubernetesConnection Open(string? context, params string[] paths) =>
        KubernetesConnection.Open(new KubernetesConnectionOptions { KubeconfigPaths = paths, Context = context }, TimeProvider.System);

    private string Write(string folder, string content)
    {
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, folder)).FullName, "config");
        File.WriteAllText(path, "apiVersion: v1\nkind: Config\n" + content);
        return path;
    }
}
