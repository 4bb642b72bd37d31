using Cilium.Core.Reconciliation;
using Cilium.Datapath.Inspection;

namespace Cilium.KernelTests;

/// <summary>The process that owns the datapath is killed; another takes over.</summary>
public sealed class KilledDatapathTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(6)]
    public async Task Traffic_outlives_a_kill_and_the_next_owner_adopts_and_converges(int turns)
    {
        using var node = new TestNode();
        TestPod a = node.AddPod(11), b = node.AddPod(12), stranger = node.AddPod(13);
        using var owner = await DatapathOwner.StartAsync(node, a, b);
        using var server = TestNetwork.Serve(b.Namespace, b.IPv4, 80);
        Assert.True(a.Pings(b.IPv4));
        Assert.Equal(a.IPv4.ToString(), TestNetwork.Ask(a.Namespace, b.IPv4, 80));
        for (var turn = 0; turn < turns; turn++)
            await owner.HearAsync("turn");
        await owner.KillAsync();

        // Nobody is there: what is in the kernel carries and filters traffic.
        Assert.True(a.Pings(b.IPv4));
        Assert.True(a.Pings(b.IPv6));
        Assert.Equal(a.IPv4.ToString(), TestNetwork.Ask(a.Namespace, b.IPv4, 80));
        Assert.True(a.Pings(TestNode.WorldAddress));

        // The next owner finds it, and nothing changes before it is told.
        var before = Links(node);
        node.Tables.Endpoints.RegisterInitializer("test");
        await node.StartAsync();
        Assert.Equal(before, Links(node).Where(link => before.Contains(link)));
        Assert.True(a.Pings(b.IPv4));
        Assert.NotEmpty(new DatapathInspection(node.Datapath.Maps).Endpoints());

        // Told the same endpoints under a policy of its own, and one endpoint more, it converges.
        var policy = DatapathOwner.PolicyOf(9, a.Row.Identity);
        Assert.Equal(ReconcileState.Done, (await node.PutAsync(a.Row)).State);
        Assert.Equal(ReconcileState.Done, (await node.PutAsync(b.Row with { Policy = policy.Key }, policy)).State);
        Assert.Equal(ReconcileState.Done, (await node.PutAsync(stranger.Row)).State);
        node.Tables.Endpoints.CompleteInitializer("test");
        Assert.True(a.Pings(b.IPv4));
        Assert.Equal(a.IPv4.ToString(), TestNetwork.Ask(a.Namespace, b.IPv4, 80));
        Assert.False(stranger.Pings(b.IPv4, 300));

        // What the killed owner had begun is gone: only the policy in use has entries.
        Assert.True(await TestNode.HappensAsync(() => node.Datapath.Maps.Policies.ReadIds().Keys.Count(id => !node.IsEmpty(id)) == 1));
        var rows = new DatapathInspection(node.Datapath.Maps).Endpoints().Select(entry => entry.Row.EndpointId).Where(id => id != 0).Distinct().Order();
        Assert.Equal([(ushort)11, (ushort)12, (ushort)13], rows);
    }

    private static List<(string Target, string Program, uint LinkId)> Links(TestNode node) =>
        [.. AttachedProgram.List(node.Options.BpfRoot).Select(link => (link.Target, link.Program, link.LinkId))];
}
