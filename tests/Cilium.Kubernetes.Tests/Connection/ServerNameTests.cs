using System.Net;
using System.Net.Security;
using System.Net.Sockets;
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
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = new CancellationTokenSource();
        var answering = AnswerAsync(listener, certificate, stop.Token);
        var kubeconfig = Path.Combine(_directory, "kubeconfig");
        await File.WriteAllTextAsync(
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
                server: https://{{listener.LocalEndpoint}}
                certificate-authority-data: {{Convert.ToBase64String(Encoding.UTF8.GetBytes(certificate.ExportCertificatePem()))}}
                {{(name.Length == 0 ? "" : $"tls-server-name: {name}")}}
            """,
            TestContext.Current.CancellationToken);
        using var connection = KubernetesConnection.Open(new KubernetesConnectionOptions { KubeconfigPath = kubeconfig }, TimeProvider.System);

        Assert.False(connection.UsesSystemRoots);
        Assert.Equal(isTrusted, await connection.IsServerHealthyAsync(TestContext.Current.CancellationToken));
        await stop.CancelAsync();
        await answering;
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static async Task AnswerAsync(TcpListener listener, X509Certificate2 certificate, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(stop);
                await using var stream = new SslStream(client.GetStream());
                await TryAnswerAsync(stream, certificate);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The test is over.
            return;
        }
    }

    private static async Task TryAnswerAsync(SslStream stream, X509Certificate2 certificate)
    {
        try
        {
            await stream.AuthenticateAsServerAsync(certificate);
            using var reader = new StreamReader(stream, leaveOpen: true);
            while (await reader.ReadLineAsync() is { Length: > 0 })
            {
                // The request's head is not looked at.
                continue;
            }

            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"u8.ToArray());
        }
        catch (Exception refused) when (refused is IOException or System.Security.Authentication.AuthenticationException)
        {
            // The client does not trust us, which some of these tests want.
            return;
        }
    }

    private static X509Certificate2 Certificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var issued = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(issued.Export(X509ContentType.Pkcs12), null);
    }
}
