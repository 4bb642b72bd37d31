using System.Net;
using Cilium.Lab.Serving;
using Cilium.Simulation.Serving;

namespace Cilium.Hosts.Lab;

/// <summary>The lab's API server as that of a simulated cluster.</summary>
internal sealed class SimulatedApi(IReadOnlyList<IPNetwork> serviceRanges, TimeProvider clock) : IClusterApiServer
{
    private readonly InProcessApi _api = new(serviceRanges, clock);

    public HttpMessageHandler Handler => _api;

    public bool IsQuiet => _api.IsQuiet;

    public long Revision => _api.Revision;

    public static IClusterApiServer Create(IReadOnlyList<IPNetwork> serviceRanges, TimeProvider clock) => new SimulatedApi(serviceRanges, clock);

    public void Dispose() => _api.Dispose();
}
