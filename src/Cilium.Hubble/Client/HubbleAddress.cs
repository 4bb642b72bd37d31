using System.Net;
using System.Net.Sockets;
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
    /// <param name="tls">Trust and proof, where TLS is used; null for the system's trust and no proof.</param>
    /// <exception cref="FormatException">A file of <paramref name="tls"/> holds something else.</exception>
    /// <exception cref="IOException">A file of <paramref name="tls"/> cannot be read.</exception>
    public GrpcChannel Open(TimeSpan connectTimeout, HubbleClientTls? tls = null)
    {
        var handler = new SocketsHttpHandler { ConnectTimeout = connectTimeout, EnableMultipleHttp2Connections = false, UseProxy = false };
        var target = SocketPath.Length != 0 ? "http://localhost" : $"{(UseTls ? "https" : "http")}://{Host}";
        if (SocketPath.Length != 0)
        {
            handler.ConnectCallback = (_, cancellationToken) => ConnectAsync(
                new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(SocketPath), cancellationToken);
        }
        else if (UseTls)
        {
            handler.SslOptions = (tls ?? new HubbleClientTls()).Load();
            if (tls is { ServerName.Length: > 0 })
            {
                // The certificate's name is compared with the host of what is asked, wherever the connection goes.
                var host = new Uri(target);
                target = $"https://{tls.ServerName}:{host.Port}";
                handler.ConnectCallback = (_, cancellationToken) => ConnectAsync(
                    new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }, new DnsEndPoint(host.IdnHost, host.Port), cancellationToken);
            }
        }

        return GrpcChannel.ForAddress(target, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = null });
    }

    private static async ValueTask<Stream> ConnectAsync(Socket socket, EndPoint to, CancellationToken cancellationToken)
    {
        try
        {
            await socket.ConnectAsync(to, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            throw;
        }
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
