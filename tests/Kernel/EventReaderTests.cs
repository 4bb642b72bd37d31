using Cilium.Datapath.Events;

namespace Cilium.KernelTests;

public sealed class EventReaderTests
{
    [Fact]
    public async Task An_event_after_a_long_quiet_wakes_the_reader()
    {
        using var node = new TestNode();
        await node.StartAsync();
        TestPod a = node.AddPod(11), b = node.AddPod(12);
        await node.PutAsync(a.Row);
        await node.PutAsync(b.Row);
        for (var round = 0; round < 3; round++)
        {
            Assert.True(await TestNode.HappensAsync(() => node.Datapath.Maps.ReaderSleeps.TryLookup(0, out var sleeps) && sleeps == 1));
            var before = node.Events.Snapshot().Count;
            Assert.True(a.Pings(b.IPv4));
            Assert.True(await TestNode.HappensAsync(() => node.Events.Snapshot().Skip(before).Any(e => e.Type == DatapathEventType.Trace)));
        }
    }
}
