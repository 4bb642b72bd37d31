using System.Net;
using System.Net.Sockets;
using Cilium.Hubble.Observing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cilium.Hubble.Serving;

/// <summary>Serves <c>observer.Observer</c>, <c>peer.Peer</c> and <c>grpc.health.v1.Health</c> on a Unix socket and, if configured, on TCP.</summary>
/// <remarks>
/// Listens in the network namespace of the process. The socket file is replaced at start and readable by its owner and group only. A host that has a web
/// server already takes <see cref="HubblePipeline"/> instead.
/// </remarks>
public sealed class HubbleServer : IHostedService, IAsyncDisposable
{
    private const UnixFileMode SocketMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private readonly FlowObserver _observer;
    private readonly PeerDirectory _peers;
    private readonly ILoggerFactory _loggers;
    private WebApplication? _application;

    /// <summary>Makes a server that does not listen yet.</summary>
    public HubbleServer(FlowObserver observer, PeerDirectory peers, ILoggerFactory loggers)
    {
        _observer = observer;
        _peers = peers;
        _loggers = loggers;
    }

    /// <summary>Reads <c>:port</c> or <c>address:port</c>; without an address all addresses of the families that this machine has.</summary>
    /// <exception cref="FormatException">The text is no listen address.</exception>
    public static IPEndPoint ParseListenAddress(string text) => ParseListenAddress(text, Socket.OSSupportsIPv6);

    /// <summary>Reads <c>:port</c> or <c>address:port</c>; without an address all addresses of both families, or of IPv4 alone.</summary>
    /// <param name="text">The text.</param>
    /// <param name="hasIPv6">Whether there are IPv6 sockets: a kernel that was started with <c>ipv6.disable=1</c> has none.</param>
    /// <exception cref="FormatException">The text is no listen address.</exception>
    public static IPEndPoint ParseListenAddress(string text, bool hasIPv6)
    {
        ArgumentNullException.ThrowIfNull(text);
        var withAddress = !text.StartsWith(':') ? text : hasIPv6 ? $"[::]{text}" : $"0.0.0.0{text}";
        return IPEndPoint.TryParse(withAddress, out var endpoint) && endpoint.Port != 0
            ? endpoint
            : throw new FormatException($"hubble-listen-address: '{text}' is not [address]:port");
    }

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var options = _observer.Options;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(_loggers);
        builder.WebHost.UseKestrelCore();
        if (!options.DisableTls)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, options));
        var application = builder.Build();
        application.Run(HubblePipeline.Build(_observer, _peers, _loggers));
        await application.StartAsync(cancellationToken);
        _application = application;
        if (options.SocketPath.Length != 0 && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(options.SocketPath, SocketMode);
        }
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => _application?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_application is not null)
        {
            await _application.DisposeAsync();
        }
    }

    private static void Listen(KestrelServerOptions kestrel, HubbleOptions options)
    {
        kestrel.AddServerHeader = false;
        if (options.SocketPath.Length != 0)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(options.SocketPath))!);
            File.Delete(options.SocketPath);
            kestrel.ListenUnixSocket(options.SocketPath, listen => listen.Protocols = HttpProtocols.Http2);
        }

        if (options.ListenAddress.Length != 0)
        {
            kestrel.Listen(ParseListenAddress(options.ListenAddress), listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (!options.DisableTls)
                {
                    var tls = new HubbleTls(options, kestrel.ApplicationServices.GetRequiredService<ILogger<HubbleTls>>());
                    listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(tls.Current) });
                }
            });
        }
    }
}
