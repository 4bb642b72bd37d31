using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Cilium.Lab.Registry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cilium.Lab.Serving;

/// <summary>The cluster's API over HTTPS: on the loopback of the machine, and wherever else a socket is opened for it.</summary>
internal sealed class ApiServer : IAsyncDisposable
{
    private readonly WebApplication application;
    private readonly CancellationTokenSource stopping = new();

    /// <param name="registry">The cluster's objects.</param>
    /// <param name="deletion">What deletes them.</param>
    /// <param name="runtime">What connects clients with pods.</param>
    /// <param name="certificates">The server's identity.</param>
    /// <param name="endpoints">Where to listen; port 0 picks a free one.</param>
    /// <param name="bind">Opens a socket for an endpoint, in whatever network namespace it belongs to; null for the present one.</param>
    public ApiServer(
        ObjectRegistry registry, ObjectDeletion deletion, IPodRuntime runtime, ClusterCertificates certificates, IReadOnlyList<IPEndPoint> endpoints,
        Func<EndPoint, Socket>? bind = null)
    {
        // The other builders watch every folder below the working directory for changes of settings, which takes seconds in a large one.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Error);
        builder.Services.Configure<SocketTransportOptions>(options =>
        {
            if (bind is not null) options.CreateBoundListenSocket = bind;
        });
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = 16 << 20;
            options.Limits.MinRequestBodyDataRate = null;
            options.Limits.MinResponseDataRate = null;
            options.Limits.Http2.MaxStreamsPerConnection = 1000;
            foreach (var endpoint in endpoints)
            {
                options.Listen(endpoint, listen =>
                {
                    listen.Protocols = HttpProtocols.Http1AndHttp2;
                    listen.UseHttps(certificates.Server);
                });
            }
        });
        application = builder.Build();
        var handler = ApiHandler.Over(registry, deletion, runtime, Token);
        application.UseWebSockets();
        application.Run(context => handler.HandleAsync(context, stopping.Token));
    }

    /// <summary>The bearer token that may do everything.</summary>
    public string Token { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));

    /// <summary>Addresses with the ports in use, after the start.</summary>
    public IReadOnlyList<Uri> Addresses =>
        [.. application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address))];

    public Task StartAsync(CancellationToken cancel) => application.StartAsync(cancel);

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await application.DisposeAsync();
        stopping.Dispose();
    }
}
