using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Serving;

/// <summary>The one web server of a process, whose doors come and go while it runs.</summary>
/// <remarks>A Kestrel wakes every second even when nobody asks anything; three of them were a third of what an agent does at rest.</remarks>
internal sealed class WebServer(ILoggerFactory loggers, TimeProvider time) : IAsyncDisposable
{
    private readonly ILogger _logger = loggers.CreateLogger<WebServer>();
    private WebApplication? _application;

    private WebApplication Application => _application ?? throw new InvalidOperationException("the web server was not started");

    /// <summary>Starts the server, which has no door yet.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore()
            .UseKestrelHttpsConfiguration()
            .UseSockets(sockets => sockets.CreateBoundListenSocket = DoorTransport.SocketOf)
            .ConfigureKestrel(kestrel =>
            {
                kestrel.AddServerHeader = false;
                kestrel.Listen(DoorTransport.Entrance.Http1, listen => Pass(listen, HttpProtocols.Http1));
                kestrel.Listen(DoorTransport.Entrance.Http2, listen => Pass(listen, HttpProtocols.Http2));
                kestrel.Listen(DoorTransport.Entrance.Http2Tls, listen =>
                {
                    Pass(listen, HttpProtocols.Http2);
                    listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = context => ValueTask.FromResult(DoorOf(context.Connection.Features.Get<WebDoor>()).Tls) });
                });
            });
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<SocketTransportFactory>();
        builder.Services.AddSingleton<DoorTransport>();
        builder.Services.AddSingleton<IConnectionListenerFactory>(provider => provider.GetRequiredService<DoorTransport>());
        _application = builder.Build();
        _application.Run(static context => DoorOf(context.Features.Get<WebDoor>()).AnswerAsync(context));
        await _application.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The start of a pipeline of middleware, for a door's answers.</summary>
    public IApplicationBuilder NewPipeline() => new ApplicationBuilder(Application.Services);

    /// <summary>Opens a door on an address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="answer">What answers there, and nowhere else.</param>
    /// <param name="options">Who may come.</param>
    /// <param name="cancellationToken">Ends the opening.</param>
    /// <exception cref="IOException">The address is taken or is not this machine's.</exception>
    public async Task<WebDoor> OpenAsync(EndPoint address, RequestDelegate answer, WebDoorOptions options, CancellationToken cancellationToken)
    {
        var transport = Application.Services.GetRequiredService<DoorTransport>();
        var socket = Bind(address, options);
        try
        {
            var listener = await transport.ListenAsync(socket, cancellationToken).ConfigureAwait(false);
            var server = transport.Of(
                options.Tls is not null ? DoorTransport.Entrance.Http2Tls : options.IsHttp2 ? DoorTransport.Entrance.Http2 : DoorTransport.Entrance.Http1);
            return new WebDoor(address.ToString()!, listener, server, options, answer, time, _logger);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw Refused(address, exception);
        }
    }

    /// <summary>Opens a door on a Unix socket for the owner of its folder and the group; what is left there of an earlier process is removed.</summary>
    /// <remarks>Only for who knows, by a lock, that nobody listens there.</remarks>
    /// <inheritdoc cref="OpenAsync"/>
    /// <param name="path">Path of the socket. Its folder is made if it is missing.</param>
    /// <param name="answer">What answers there.</param>
    /// <param name="isHttp2">HTTP/2 (gRPC) instead of HTTP/1.1.</param>
    /// <param name="cancellationToken">Ends the opening.</param>
    public Task<WebDoor> OpenUnixAsync(string path, RequestDelegate answer, bool isHttp2, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.Delete(path);
        return OpenAsync(new UnixDomainSocketEndPoint(path), answer, new WebDoorOptions { IsHttp2 = isHttp2, Bind = BindForOwner }, cancellationToken);
    }

    /// <summary>Ends the server with all its doors.</summary>
    public ValueTask DisposeAsync() => _application?.DisposeAsync() ?? default;

    private static void Pass(ListenOptions listen, HttpProtocols protocols)
    {
        listen.Protocols = protocols;
        listen.Use(next => connection => DoorOf(connection.Features.Get<WebDoor>()).CarryAsync(connection, next));
    }

    private static WebDoor DoorOf(WebDoor? door) => door ?? throw new InvalidOperationException("a connection came through no door");

    private static Socket Bind(EndPoint address, WebDoorOptions options)
    {
        try
        {
            return options.Bind(address);
        }
        catch (SocketException exception)
        {
            throw Refused(address, exception);
        }
    }

    // Before it listens: nobody else shall get in meanwhile.
    private static Socket BindForOwner(EndPoint endpoint)
    {
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(endpoint.ToString()!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        }

        return socket;
    }

    private static IOException Refused(EndPoint address, SocketException exception) => new($"cannot listen on {address}: {exception.Message}", exception);
}
