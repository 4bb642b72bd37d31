using Cilium.Datapath.Events;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Serving;
using Microsoft.Extensions.DependencyInjection;

namespace Cilium.Hubble.Tests.Serving;

public sealed class HubbleServicesTests
{
    [Fact]
    public void The_ring_hears_what_the_datapath_tells_once()
    {
        var services = new ServiceCollection().AddLogging();
        services.AddCiliumHubble(options => options.NodeName = "node-a").AddCiliumHubble(options => options.EventBufferCapacity = 7);
        using var provider = services.BuildServiceProvider();
        var observer = provider.GetRequiredService<FlowObserver>();
        Assert.Equal(("node-a", 7), (observer.Options.NodeName, observer.Options.EventBufferCapacity));
        Assert.Same(observer.Ring, Assert.Single(provider.GetServices<IDatapathEventSink>()));
        Assert.NotNull(services.Single(service => service.ServiceType == typeof(HubbleServer)));
    }
}
