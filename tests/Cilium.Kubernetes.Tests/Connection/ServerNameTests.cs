using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Cilium.Kubernetes.Tests.Connection;

/// <summary>A server whose certificate is for a name, reached by its address.</summary>
public sealed class ServerNameTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("server-name-").FullName;

    [Theory]
    [InlineData("kubernetes.test", true)]
    [InlineData("another.test", false)]
    [InlineData("", false)]
    public async Task The_certificate_is_compared_with_the_name_of_the_kubeconfig(string name, bool isTrusted)
    {
        using var certificate = Certificate("kubernetes.test");
        await using var server = new NamedServer(certificate);
        using var connection = Open(server, certificate, name);

        Assert.False(connection.UsesSystemRoots);
        Assert.Equal(isTrusted, await connection.IsServerHealthyAsync(TestContext.Current.CancellationToken));
        Assert.Equal(isTrusted, connection.UnreachableReason is null);
    }

    [Fact]
    public async Task The_server_is_asked_for_by_name_in_TLS_and_by_its_address_in_the_request()
    {
        using var certificate = Certificate("kubernetes.test");
        await using var server = new NamedServer(certificate);
        using var connection = Open(server, certificate, "kubernetes.test");

        Assert.True(await connection.IsServerHealthyAsync(TestContext.Current.CancellationToken));
        Assert.Equal(("kubernetes.test", server.Address), Assert.Single(server.Heard.Select(heard => (heard.TlsName, heard.Headers["Host"])).Distinct()));
    }

    [Fact]
    public async Task A_server_named_by_option_replaces_the_address_and_leaves_trust_and_token()
    {
        using var certificate = Certificate("kubernetes.test");
        await using var server = new NamedServer(certificate);
        using var connection = Open(server, certificate, "kubernetes.test", written: "127.0.0.1:1", option: $"https://{server.Address}");

        Assert.True(await connection.IsServerHealthyAsync(TestContext.Current.CancellationToken));
        Assert.Equal((server.Address, "Bearer t"), Assert.Single(server.Heard.Select(heard => (heard.Headers["Host"], heard.Headers["Authorization"])).Distinct()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_certificate_of_a_stranger_makes_us_fetch_nothing(bool hasAuthority)
    {
        await using var issuer = new WatchedAddress();
        using var known = Certificate("known.test");
        using var stranger = Certificate("stranger.test");
        using var certificate = Issue(stranger, "kubernetes.test", new X509AuthorityInformationAccessExtension([], [$"{issuer.Url}issuer.crt"]));
        await using var server = new NamedServer(certificate);
        using var connection = Open(server, hasAuthority ? known : null, "kubernetes.test");

        Assert.Equal(!hasAuthority, connection.UsesSystemRoots);
        Assert.False(await connection.IsServerHealthyAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, issuer.Connections);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private KubernetesConnection Open(NamedServer server, X509Certificate2? authority, string name, string? written = null, string? option = null)
    {
        var kubeconfig = Path.Combine(_directory, "kubeconfig");
        File.WriteAllText(
            kubeconfig,
            $$"""
            apiVersion: v1
            kind: Config
            current-context: c
            contexts: [{ name: c, context: { cluster: c, user: u } }]
            users: [{ name: u, user: { token: t } }]
            clusters:
            - name: c
              cluster:
                server: https://{{written ?? server.Address}}
                {{(authority is null ? "" : $"certificate-authority-data: {Convert.ToBase64String(Encoding.UTF8.GetBytes(authority.ExportCertificatePem()))}")}}
                {{(name.Length == 0 ? "" : $"tls-server-name: {name}")}}
            """);
        return KubernetesConnection.Open(new KubernetesConnectionOptions { KubeconfigPath = kubeconfig, ServerUrl = option }, TimeProvider.System);
    }

    private static X509Certificate2 Certificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = Request(name, key, isAuthority: true);
        var now = TimeProvider.System.GetUtcNow();
        using var issued = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return Loaded(issued);
    }

    private static X509Certificate2 Issue(X509Certificate2 authority, string name, X509Extension extension)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = Request(name, key, isAuthority: false);
        request.CertificateExtensions.Add(extension);
        using var issued = request.Create(authority, authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(8));
        using var whole = issued.CopyWithPrivateKey(key);
        return Loaded(whole);
    }

    private static CertificateRequest Request(string name, ECDsa key, bool isAuthority)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        return request;
    }

    private static X509Certificate2 Loaded(X509Certificate2 issued) => X509CertificateLoader.LoadPkcs12(issued.Export(X509ContentType.Pkcs12), null);
}
