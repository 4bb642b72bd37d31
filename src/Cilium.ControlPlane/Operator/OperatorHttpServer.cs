using System.Net;
using Cilium.ControlPlane.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Cilium.ControlPlane.Operator;

/// <summary>The operator's health and metrics over HTTP.</summary>
internal sealed class OperatorHttpServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private OperatorHttpServer(WebApplication application) => _application = application;

    /// <summary>Starts to listen.</summary>
    /// <param name="addresses">Each <c>host:port</c>; a missing host is all addresses, <c>localhost</c> both loopbacks.</param>
    /// <param name="checkHealth">The health; null when well, otherwise what is wrong.</param>
    /// <param name="printMetrics">The metrics.</param>
    /// <param name="cancellationToken">Cancels the start.</param>
    /// <exception cref="IOException">An address is in use.</exception>
    public static async Task<OperatorHttpServer> StartAsync(
        IEnumerable<string> addresses, Func<CancellationToken, Task<string?>> checkHealth, Func<string> printMetrics, CancellationToken cancellationToken)
    {
        // The other builders watch every folder below the working directory for changes of settings, which takes seconds in a large one.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            foreach (var address in addresses)
            {
                Listen(kestrel, address);
            }
        });
        var application = builder.Build();
        application.Run(async context =>
        {
            switch (context.Request.Path.Value)
            {
                case "/healthz" or "/v1/healthz":
                    var problem = await checkHealth(context.RequestAborted);
                    context.Response.StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status500InternalServerError;
                    await context.Response.WriteAsync(problem ?? "ok", context.RequestAborted);
                    break;
                case "/metrics" or "/v1/metrics":
                    context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
                    await context.Response.WriteAsync(printMetrics(), context.RequestAborted);
                    break;
                default:
                    context.Response.StatusCode = StatusCodes.Status404NotFound;
                    break;
            }
        });
        try
        {
            await application.StartAsync(cancellationToken);
        }
        catch
        {
            await application.DisposeAsync();
            throw;
        }

        return new OperatorHttpServer(application);
    }

    /// <summary>The port that is really listened on, for an address with port 0.</summary>
    public IReadOnlyCollection<string> Urls => [.. _application.Urls];

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _application.StopAsync(patience.Token);
        await _application.DisposeAsync();
    }

    private static void Listen(KestrelServerOptions kestrel, string address)
    {
        var colon = address.LastIndexOf(':');
        if (colon < 0 || !ushort.TryParse(address.AsSpan(colon + 1), System.Globalization.CultureInfo.InvariantCulture, out var port))
        {
            throw new ConfigurationException([$"'{address}' is not host:port"]);
        }

        var host = address[..colon].Trim('[', ']');
        if (host.Length == 0)
        {
            kestrel.ListenAnyIP(port);
        }
        else if (host == "localhost")
        {
            // A namespace without IPv6 has no ::1; the IPv4 loopback is what upstream's probes ask.
            kestrel.Listen(IPAddress.Loopback, port);
        }
        else if (IPAddress.TryParse(host, out var ip))
        {
            kestrel.Listen(ip, port);
        }
        else
        {
            throw new ConfigurationException([$"'{address}': the host must be an IP address or localhost"]);
        }
    }
}
