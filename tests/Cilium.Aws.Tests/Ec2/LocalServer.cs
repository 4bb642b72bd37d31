using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cilium.Aws.Tests.Ec2;

/// <summary>An HTTP server on a socket that the test makes, perhaps in another network namespace.</summary>
public sealed class LocalServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private LocalServer(WebApplication app) => _app = app;

    public string Url { get; private init; } = "";

    /// <param name="endpoint">Where; port 0 for any.</param>
    /// <param name="handle">Answers requests.</param>
    /// <param name="listen">Makes the socket, bound to the endpoint; null for one of this namespace.</param>
    public static async Task<LocalServer> StartAsync(IPEndPoint endpoint, RequestDelegate handle, Func<EndPoint, Socket>? listen = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(endpoint));
        if (listen is not null)
            builder.Services.Configure<Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets.SocketTransportOptions>(options => options.CreateBoundListenSocket = listen);
        var app = builder.Build();
        app.Run(handle);
        await app.StartAsync(CancellationToken.None);
        return new LocalServer(app) { Url = app.Urls.First() };
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
