using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Serving;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Cilium.Hubble;

/// <summary>Registers Hubble in a host.</summary>
public static class HubbleServices
{
    /// <summary>Adds the index, the peers, the observer (whose ring is the datapath's sink) and the server.</summary>
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
        services.TryAddSingleton<HubbleServer>();
        return services;
    }
}
