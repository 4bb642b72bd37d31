using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Flows;
using Cilium.Hubble.Monitor;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Serving;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Cilium.Hubble;

/// <summary>Registers Hubble in a host.</summary>
public static class HubbleServices
{
    /// <summary>
    /// Adds the index, the peers, the observer, whose ring is a sink of datapath events, and the server, which listens once somebody starts it
    /// (<see cref="HubbleServer.StartAsync"/>): it is no hosted service, since a host with a web server of its own takes <see cref="HubblePipeline"/>.
    /// May be called more than once.
    /// </summary>
    public static IServiceCollection AddCiliumHubble(this IServiceCollection services, Action<HubbleOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (configure is not null)
        {
            services.Configure(configure);
        }

        services.AddOptions<HubbleOptions>();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<HubbleIndex>();
        services.TryAddSingleton<PeerDirectory>();
        services.TryAddSingleton(provider => new FlowObserver(
            provider.GetRequiredService<IOptions<HubbleOptions>>().Value,
            provider.GetRequiredService<HubbleIndex>(),
            provider.GetRequiredService<TimeProvider>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IDatapathEventSink, FlowRing>(provider => provider.GetRequiredService<FlowObserver>().Ring));
        services.TryAddSingleton<HubbleServer>();
        return services;
    }

    /// <summary>Adds the socket of <c>cilium-dbg monitor</c>: a sink of datapath events and a hosted service. Without Hubble it works too.</summary>
    /// <param name="services">The services.</param>
    /// <param name="socketPath">Where the socket is to be: <c>monitor.sock</c> beside the agent's API socket, where the tool looks for it.</param>
    public static IServiceCollection AddCiliumMonitor(this IServiceCollection services, string socketPath)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(service => service.ServiceType == typeof(MonitorServer)))
        {
            return services;
        }

        services.AddSingleton(new MonitorServer(socketPath));
        services.AddSingleton<IDatapathEventSink>(provider => provider.GetRequiredService<MonitorServer>());
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<MonitorServer>());
        return services;
    }
}
