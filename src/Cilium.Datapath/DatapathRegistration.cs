using Cilium.Core.Tables;
using Cilium.Datapath.Events;
using Cilium.Datapath.Kernel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Cilium.Datapath;

/// <summary>Registers the datapath in a service collection.</summary>
public static class DatapathRegistration
{
    /// <summary>
    /// Adds <see cref="DatapathTables"/> and <see cref="IDatapath"/> on the running kernel. Every registered
    /// <see cref="IDatapathEventSink"/> hears events. May be called more than once.
    /// </summary>
    public static IServiceCollection AddCiliumDatapath(this IServiceCollection services, Action<DatapathOptions>? configure = null)
    {
        services.AddOptions<DatapathOptions>();
        if (configure is not null)
            services.Configure(configure);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<StateStore>();
        services.TryAddSingleton(NodeNamespace.Own);
        services.TryAddSingleton(provider => new DatapathTables(provider.GetRequiredService<StateStore>()));
        services.TryAddSingleton(provider => new KernelDatapath(
            provider.GetRequiredService<DatapathTables>(),
            provider.GetRequiredService<IOptions<DatapathOptions>>().Value,
            provider.GetRequiredService<NodeNamespace>(),
            provider.GetServices<IDatapathEventSink>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance));
        services.TryAddSingleton<IDatapath>(provider => provider.GetRequiredService<KernelDatapath>());
        return services;
    }
}
