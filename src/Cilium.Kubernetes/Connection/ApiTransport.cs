using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s;

namespace Cilium.Kubernetes;

/// <summary>The connections to the API server: trust, client certificate, and how soon a dead one is noticed.</summary>
internal static class ApiTransport
{
    /// <summary>Makes a handler from a configuration.</summary>
    public static SocketsHttpHandler CreateHandler(KubernetesClientConfiguration configuration)
    {
        var handler = new SocketsHttpHandler
        {
            // HTTP/2 carries all watches in one connection, and a ping finds out when its other end is gone.
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
            EnableMultipleHttp2Connections = true,
        };
        var tls = handler.SslOptions;
        tls.CertificateChainPolicy = ChainPolicy(configuration.SslCaCerts);
        if (ClientCertificate(configuration) is { } certificate)
        {
            tls.ClientCertificates = [certificate];
        }

        if (configuration.SkipTlsVerify)
        {
#pragma warning disable CA5359 // The user's kubeconfig says insecure-skip-tls-verify.
            tls.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }

        if (configuration.TlsServerName is { Length: > 0 } name)
        {
            if (!configuration.SkipTlsVerify)
            {
                tls.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
                    (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None
                    && certificate is X509Certificate2 shown && shown.MatchesHostname(name, allowWildcards: true, allowCommonName: false);
            }

            handler.ConnectCallback = (context, cancellationToken) => ConnectAsync(context, tls, name, cancellationToken);
        }

        return handler;
    }

    /// <summary>Connects and asks for another name than the URL's, which the handler itself cannot: it sets the name anew for each connection.</summary>
    private static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, SslClientAuthenticationOptions tls, string name, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            var stream = new NetworkStream(socket, ownsSocket: true);
            if (context.InitialRequestMessage.RequestUri is not { Scheme: "https" } url || (url.IdnHost, url.Port) != (context.DnsEndPoint.Host, context.DnsEndPoint.Port))
            {
                // The way to a proxy: TLS begins behind it and asks for the URL's name, but the certificate is compared all the same.
                return stream;
            }

            var secure = new SslStream(stream);
            await secure.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = name,
                    ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                    ClientCertificates = tls.ClientCertificates,
                    CertificateChainPolicy = tls.CertificateChainPolicy,
                    RemoteCertificateValidationCallback = tls.RemoteCertificateValidationCallback,
                },
                cancellationToken);
            return secure;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static X509Certificate2? ClientCertificate(KubernetesClientConfiguration configuration)
    {
        var certificate = Pem(configuration.ClientCertificateData, configuration.ClientCertificateFilePath);
        var key = Pem(configuration.ClientCertificateKeyData, configuration.ClientKeyFilePath);
        if (certificate is null || key is null)
        {
            return null;
        }

        try
        {
            return X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (CryptographicException exception)
        {
            throw new InvalidOperationException($"the client certificate of the kubeconfig cannot be read: {exception.Message}", exception);
        }
    }

    private static string? Pem(string? base64, string? file)
    {
        if (base64 is { Length: > 0 })
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(base64));
        }

        return file is { Length: > 0 } ? File.ReadAllText(file) : null;
    }

    /// <summary>How the server's certificate is judged: by these authorities, or by the system's when there are none.</summary>
    private static X509ChainPolicy ChainPolicy(X509Certificate2Collection? authorities)
    {
        // By default the server's certificate would make us ask any URL that it names for its issuer, and wait for it.
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (authorities is { Count: > 0 })
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(authorities);
        }

        return policy;
    }
}
