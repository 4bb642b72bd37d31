using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Nodes;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Tests;

public sealed class PodFeedTests
{
    private const int MoreThanAWatchHolds = 16_400;
    private readonly ClusterState state = TestCluster.Create();

    [Fact]
    public async Task A_pod_that_goes_while_the_node_has_fallen_behind_is_gone_all_the_same()
    {
        var deleted = Pod("deleted", "n").Uid();
        var stays = Pod("stays", "n").Uid();
        using var ending = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var gone = new List<string>();
        var isBehind = false;
        var isBack = false;
        var running = new PodFeed(state.Store, "n").RunAsync(Seen, Gone, ending.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        Assert.Equal([deleted], gone);
        Assert.True(isBack);

        void Seen(JsonObject pod)
        {
            if (pod.Name() == "mark")
            {
                isBack = true;
                ending.Cancel();
            }

            if (pod.Uid() != stays || isBehind) return;
            isBehind = true;
            var noise = new ObjectKey(BuiltInKinds.Pods, "default", "noise");
            for (var index = 0; index < MoreThanAWatchHolds; index++)
                state.Store.Apply(noise, _ => new JsonObject { ["metadata"] = new JsonObject { ["name"] = "noise" }, ["n"] = index });
            state.Delete(BuiltInKinds.Pods, "default", "deleted", new DeleteOptions { GracePeriodSeconds = 0 });
            Pod("mark", "n");
        }

        void Gone(string uid) => gone.Add(uid);
    }

    [Fact]
    public async Task A_node_is_told_of_its_own_pods_only()
    {
        Pod("before", "n");
        Pod("elsewhere", "m");
        using var ending = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var told = new List<string>();
        var running = new PodFeed(state.Store, "n").RunAsync(pod => told.Add(pod.Name()), _ => ending.Cancel(), ending.Token);
        Pod("after", "n");
        state.Delete(BuiltInKinds.Pods, "default", "elsewhere", new DeleteOptions { GracePeriodSeconds = 0 });
        state.Delete(BuiltInKinds.Pods, "default", "before", new DeleteOptions { GracePeriodSeconds = 0 });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        Assert.Equal(["before", "after"], told);
    }

    private JsonObject Pod(string name, string node) =>
        state.Create(BuiltInKinds.Pods, $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"nodeName":"{{{node}}}","containers":[{"name":"c","image":"nginx"}]}}""");
}
