using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Nodes;
using Cilium.ControlPlane.Serving;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Policy;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers an agent in a service collection.</summary>
public static class AgentRegistration
{
    /// <summary>
    /// Adds the agent as a hosted service with its tables, which observers may read: <see cref="AgentTables"/>, <see cref="KubernetesTables"/>,
    /// <see cref="DatapathTables"/>, <see cref="PolicyEngine"/> (identities and their labels), <see cref="INodeIpam"/>. May be called more than once.
    /// </summary>
    /// <remarks>A registered <c>Func&lt;HubbleStatus&gt;</c> appears in the agent's status; a registered <see cref="IDatapath"/> replaces the kernel's.</remarks>
    public static IServiceCollection AddCiliumAgent(this IServiceCollection services, AgentOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        services.TryAddSingleton(options);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IOptions<DatapathOptions>>(Options.Options.Create(options.Datapath));
        services.AddCiliumDatapath();
        services.TryAddSingleton(provider => new KubernetesTables(provider.GetRequiredService<StateStore>()));
        services.TryAddSingleton(provider => new AgentTables(
            provider.GetRequiredService<StateStore>(), provider.GetRequiredService<KubernetesTables>(), provider.GetRequiredService<DatapathTables>()));
        services.TryAddSingleton(new LocalIdentityAllocator(options.Cluster));
        services.TryAddSingleton(provider => new PolicyEngine(
            new PolicyOptions { Cluster = options.Cluster, Enforcement = options.Enforcement, AllowLocalhost = options.AllowLocalhost },
            provider.GetRequiredService<LocalIdentityAllocator>()));
        services.TryAddSingleton<INodeIpam>(provider => NewIpam(options, provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(new EndpointStore(options.StateDirectory));
        services.TryAddSingleton<ILocalDevices, NetlinkLocalDevices>();
        services.TryAddSingleton<AgentReadiness>();
        services.TryAddSingleton<WebServer>();
        services.TryAddSingleton<EndpointRegistry>();
        services.TryAddSingleton(provider => KubernetesConnection.Open(
            new KubernetesConnectionOptions
            {
                KubeconfigPath = options.KubeconfigPath.Length > 0 ? options.KubeconfigPath : null,
                ServerUrl = options.ApiServer.Length > 0 ? options.ApiServer : null,
                UserAgent = $"cilium-agent/{options.NodeName}",
            },
            provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider => new AgentContext
        {
            Options = options,
            Tables = provider.GetRequiredService<AgentTables>(),
            Ipam = provider.GetRequiredService<INodeIpam>(),
            Policies = provider.GetRequiredService<PolicyEngine>(),
            Registry = provider.GetRequiredService<EndpointRegistry>(),
            Devices = provider.GetRequiredService<ILocalDevices>(),
            Datapath = provider.GetRequiredService<IDatapath>(),
            Connection = provider.GetRequiredService<KubernetesConnection>(),
            Readiness = provider.GetRequiredService<AgentReadiness>(),
            Time = provider.GetRequiredService<TimeProvider>(),
            Hubble = provider.GetService<Func<HubbleStatus>>(),
        });
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, AgentService>(provider => new AgentService(
            provider.GetRequiredService<AgentContext>(),
            provider.GetRequiredService<WebServer>(),
            provider.GetRequiredService<EndpointStore>(),
            provider.GetRequiredService<LocalIdentityAllocator>(),
            provider.GetRequiredService<ILocalDevices>(),
            provider.GetRequiredService<ILoggerFactory>())));
        return services;
    }

    private static INodeIpam NewIpam(AgentOptions options, TimeProvider time)
    {
        var (ipv4, ipv6) = (options.Datapath.EnableIPv4, options.Datapath.EnableIPv6);
        return options.Ipam switch
        {
            "multi-pool" => new MultiPoolIpam(
                ipv4, ipv6, new MultiPoolOptions { DefaultPool = options.DefaultIPPool, PreAllocate = options.PoolPreAllocation }, time),
            "crd" or "eni" => new ListedIpam(ipv4, ipv6, time),
            _ => new NodeIpam(ipv4, ipv6, time: time),
        };
    }
}
