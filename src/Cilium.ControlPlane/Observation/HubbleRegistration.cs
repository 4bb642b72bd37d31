using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Nodes;
using Cilium.ControlPlane.Observation;
using Cilium.ControlPlane.Serving;
using Cilium.Hubble;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Serving;
using Cilium.Netlink;
using Cilium.Policy;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Hubble in an agent.</summary>
public static class HubbleRegistration
{
    /// <summary>Adds Hubble to an agent if its options ask for it: the ring as sink of datapath events, the gRPC API, the names. May be called more than once.</summary>
    public static IServiceCollection AddCiliumAgentHubble(this IServiceCollection services, AgentOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        // The monitor is there whether flows are recorded or not, as in upstream's agent.
        services.AddCiliumMonitor(Path.Combine(options.StateDirectory, "monitor.sock"));
        if (!options.EnableHubble || services.Any(service => service.ServiceType == typeof(AgentHubble)))
        {
            return services;
        }

        services.AddCiliumHubble(hubble =>
        {
            hubble.ClusterName = options.ClusterName;
            hubble.NodeName = options.NodeName;
            hubble.SocketPath = options.EffectiveHubbleSocketPath;
            hubble.ListenAddress = options.HubbleListenAddress;
            hubble.DisableTls = options.HubbleDisableTls;
            hubble.TlsCertFile = options.HubbleTlsCertFile;
            hubble.TlsKeyFile = options.HubbleTlsKeyFile;
            hubble.TlsClientCaFiles = options.HubbleTlsClientCaFiles;
            hubble.EventBufferCapacity = options.HubbleEventBufferCapacity;
            hubble.Version = Cilium.ControlPlane.Api.StatusModels.Version;
        });
        services.AddSingleton(provider => new AgentHubble(
            new HubbleIndexDerivation(
                provider.GetRequiredService<AgentTables>(),
                options,
                provider.GetRequiredService<PolicyEngine>(),
                provider.GetRequiredService<HubbleIndex>(),
                provider.GetRequiredService<PeerDirectory>(),
                NetworkNamespace.ReadCurrentCookie(),
                provider.GetRequiredService<TimeProvider>()),
            provider.GetRequiredService<FlowObserver>(),
            new HubbleDoors(
                provider.GetRequiredService<WebServer>(),
                provider.GetRequiredService<FlowObserver>(),
                provider.GetRequiredService<PeerDirectory>(),
                provider.GetRequiredService<ILoggerFactory>()),
            provider.GetRequiredService<ILocalDevices>(),
            provider.GetRequiredService<AgentReadiness>(),
            provider.GetRequiredService<ILogger<AgentHubble>>()));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<AgentHubble>());
        services.TryAddSingleton<Func<HubbleStatus>>(provider => () => provider.GetRequiredService<AgentHubble>().Status());
        return services;
    }
}
