using System.Diagnostics;
using Cilium.Hubble.Observing;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cilium.Hubble.Serving;

/// <summary><c>observer.Observer</c>, <c>peer.Peer</c> and <c>grpc.health.v1.Health</c> for a host that has a web server already.</summary>
public static class HubblePipeline
{
    /// <summary>What <c>hubble status</c> asks of <c>grpc.health.v1.Health</c>: upstream's name for the observer (pkg/hubble/api/v1).</summary>
    public const string HealthService = "hubble.server.Observer";

    /// <summary>Builds what answers requests. The server must speak HTTP/2 and decides who may ask.</summary>
    /// <param name="observer">The flows.</param>
    /// <param name="peers">The nodes.</param>
    /// <param name="loggers">Where the services log.</param>
    public static RequestDelegate Build(FlowObserver observer, PeerDirectory peers, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(observer);
        ArgumentNullException.ThrowIfNull(peers);
        ArgumentNullException.ThrowIfNull(loggers);
        var services = new ServiceCollection();
        services.AddSingleton(loggers);
        services.AddSingleton(new DiagnosticListener("Cilium.Hubble"));
        services.AddLogging();
        services.AddRoutingCore();
        services.AddGrpc();
        services.AddSingleton(observer);
        services.AddSingleton(peers);
        services.AddSingleton(Health());
        var provider = services.BuildServiceProvider();
        var pipeline = new ApplicationBuilder(provider);
        pipeline.Use(next => context =>
        {
            context.RequestServices = provider;
            return next(context);
        });
        pipeline.UseRouting();
        pipeline.UseEndpoints(static routes =>
        {
            routes.MapGrpcService<ObserverService>();
            routes.MapGrpcService<PeerService>();
            routes.MapGrpcService<HealthServiceImpl>();
        });
        return pipeline.Build();
    }

    private static HealthServiceImpl Health()
    {
        var health = new HealthServiceImpl();
        foreach (var service in (string[])["", "observer.Observer", HealthService, "peer.Peer"])
        {
            health.SetStatus(service, HealthCheckResponse.Types.ServingStatus.Serving);
        }

        return health;
    }
}
