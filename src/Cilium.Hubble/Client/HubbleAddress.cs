using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;

namespace Cilium.Hubble.Client;

/// <summary>Where an observer listens: <c>unix:///path</c>, <c>host:port</c>, or <c>tls://host:port</c>.</summary>
/// <param name="Text">The address as it was given.</param>
/// <param name="SocketPath">The path of a Unix socket, or empty.</param>
/// <param name="Host">The host with its port, or empty.</param>
/// <param name="UseTls">True for TLS.</param>
public sealed record HubbleAddress(string Text, string SocketPath, string Host, bool UseTls)
{
    /// <summary>Where upstream's tool looks by default.</summary>
    public const string Default = "localhost:4245";

    /// <summary>The agent's socket within its container.</summary>
    public const string AgentSocket = "/var/run/cilium/hubble.sock";

    /// <summary>Reads an address.</summary>
    /// <exception cref="FormatException">The text is no address.</exception>
    public static HubbleAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith("unix:", StringComparison.Ordinal))
        {
            var path = text["unix:".Length..];
            path = path.StartsWith("//", StringComparison.Ordinal) ? path[2..] : path;
            return path.Length == 0 ? throw new FormatException($"'{text}' names no socket")
                : IsSocketPath(path) ? new HubbleAddress(text, path, "", false)
                : throw new FormatException($"'{text}' is longer than the path of a Unix socket can be");
        }

        var useTls = text.StartsWith("tls://", StringComparison.Ordinal);
        var host = useTls ? text["tls://".Length..] : text.StartsWith("tcp://", StringComparison.Ordinal) ? text["tcp://".Length..] : text;
        return Uri.TryCreate($"http://{host}", UriKind.Absolute, out var uri) && uri.AbsolutePath == "/" && host.Contains(':', StringComparison.Ordinal)
            ? new HubbleAddress(text, "", host, useTls)
            : throw new FormatException($"'{text}' is neither unix:///path nor host:port");
    }

    /// <summary>
    /// The address of a command: what was given; else the agent's socket if there is one (the command then runs beside the agent); else
    /// <see cref="Default"/>.
    /// </summary>
    /// <param name="given">The option or HUBBLE_SERVER; null or empty if neither is set.</param>
    /// <param name="agentSocket">CILIUM_SOCK, in whose directory Hubble's socket is then looked for first.</param>
    public static HubbleAddress Choose(string? given, string? agentSocket)
    {
        if (!string.IsNullOrEmpty(given))
        {
            return Parse(given);
        }

        var beside = string.IsNullOrEmpty(agentSocket) ? AgentSocket : Path.Combine(Path.GetDirectoryName(Path.GetFullPath(agentSocket))!, "hubble.sock");
        return File.Exists(beside) ? Parse($"unix://{beside}") : Parse(Default);
    }

    /// <summary>Opens a channel; nothing is sent before the first call.</summary>
    /// <param name="connectTimeout">How long a connection may take.</param>
    /// <param name="tlsServerName">The name expected in the server's certificate; empty for the host's.</param>
    /// <param name="caFile">PEM file of authorities to trust; empty for the system's.</param>
    /// <exception cref="FormatException">The file holds no certificates.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public GrpcChannel Open(TimeSpan connectTimeout, string tlsServerName = "", string caFile = "")
    {
        var handler = new SocketsHttpHandler { ConnectTimeout = connectTimeout, EnableMultipleHttp2Connections = false, UseProxy = false };
        if (SocketPath.Length != 0)
        {
            handler.ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch (SocketException)
                {
                    socket.Dispose();
                    throw;
                }
            };
        }

        if (UseTls)
        {
            handler.SslOptions = Tls(tlsServerName, caFile);
        }

        var target = SocketPath.Length != 0 ? "http://localhost" : $"{(UseTls ? "https" : "http")}://{Host}";
        return GrpcChannel.ForAddress(target, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = null });
    }

    private static SslClientAuthenticationOptions Tls(string serverName, string caFile)
    {
        var options = new SslClientAuthenticationOptions();
        if (serverName.Length != 0)
        {
            options.TargetHost = serverName;
        }

        if (caFile.Length != 0)
        {
            var authorities = Authorities(caFile);
            options.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            options.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }

        return options;
    }

    private static X509Certificate2Collection Authorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (CryptographicException exception)
        {
            throw new FormatException($"{file} does not hold the certificates of authorities: {exception.Message}", exception);
        }

        return authorities.Count != 0 ? authorities : throw new FormatException($"{file} does not hold the certificates of authorities");
    }

    private static bool IsSocketPath(string path)
    {
        try
        {
            _ = new UnixDomainSocketEndPoint(path);
            return true;
        }
        catch (ArgumentException)
        {
            // How long a path may be is the system's business, which only the constructor knows.
            return false;
        }
    }
}
