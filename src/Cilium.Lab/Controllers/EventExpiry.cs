using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Forgets Events an hour after they were last seen.</summary>
internal sealed class EventExpiry(ClusterState state)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    public async Task RunAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(Interval, state.Clock);
        while (await timer.WaitForNextTickAsync(cancel)) Expire();
    }

    public void Expire()
    {
        var oldest = state.Clock.GetUtcNow() - Lifetime;
        foreach (var item in state.Store.List(BuiltInKinds.Events).Objects)
        {
            var seen = item.Json.Time("lastTimestamp") ?? item.Json.Time("eventTime") ?? item.Json.Time("metadata", "creationTimestamp");
            if (seen < oldest) state.Delete(BuiltInKinds.Events, item.Key.Namespace, item.Key.Name);
        }
    }
}
