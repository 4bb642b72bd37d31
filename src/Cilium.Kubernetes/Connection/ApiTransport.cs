using System.Net;
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
    // Of the largest lists a few round trips' worth; the handler would begin with 64 KiB.
    private const int StreamWindowBytes = 4 << 20;
    private const int QuietSeconds = 15;
    private const int ProbeSeconds = 5;
    private const int Probes = 3;
    private const int Tcp = 6;
    private const int TcpUserTimeout = 18; // linux/tcp.h

    /// <summary>Makes a handler from a configuration.</summary>
    public static SocketsHttpHandler CreateHandler(KubernetesClientConfiguration configuration)
    {
        var handler = new SocketsHttpHandler
        {
            // HTTP/2 carries all watches in one connection. The kernel finds out when the other machine is gone; a ping, when a proxy on the way has
            // lost the server. For pings the handler wakes up every quarter of the shorter of the two.
            ConnectCallback = ConnectAsync,
            KeepAlivePingDelay = TimeSpan.FromMinutes(1),
            KeepAlivePingTimeout = TimeSpan.FromMinutes(1),
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
            EnableMultipleHttp2Connections = true,
            InitialHttp2StreamWindowSize = StreamWindowBytes,
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

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken) =>
        new NetworkStream(await OpenAsync(context.DnsEndPoint, cancellationToken), ownsSocket: true);

    /// <summary>
    /// Connects; an end that is gone without a word is noticed within half a minute, also while something is on its way to it (tcp(7):
    /// TCP_KEEPIDLE, TCP_USER_TIMEOUT).
    /// </summary>
    internal static async ValueTask<Socket> OpenAsync(EndPoint server, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, QuietSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, ProbeSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, Probes);
            if (OperatingSystem.IsLinux())
            {
                socket.SetRawSocketOption(Tcp, TcpUserTimeout, BitConverter.GetBytes((QuietSeconds + (Probes * ProbeSeconds)) * 1000));
            }

            await socket.ConnectAsync(server, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Connects and asks for another name than the URL's, which the handler itself cannot: it sets the name anew for each connection.</summary>
    private static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, SslClientAuthenticationOptions tls, string name, CancellationToken cancellationToken)
    {
        var socket = await OpenAsync(context.DnsEndPoint, cancellationToken);
        try
        {
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
