using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Flows;

namespace Cilium.Hubble.Tests.Flows;

public sealed class FlowRingTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(4096)]
    [InlineData(131071)]
    public void A_capacity_that_is_not_a_power_of_two_minus_one_is_refused(int capacity) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlowRing(capacity, new HubbleIndex(), TimeProvider.System));

    [Fact]
    public async Task A_full_ring_keeps_the_newest()
    {
        var scene = new Scene(capacity: 7);
        RecordMany(scene, 20);

        var ports = Ports(await scene.Get());

        Assert.Equal([13, 14, 15, 16, 17, 18, 19], ports);
        Assert.Equal(20, scene.Ring.SeenFlows);
        Assert.Equal(7, scene.Observer.FlowCount);
    }

    [Fact]
    public async Task A_number_takes_the_newest_oldest_first()
    {
        var scene = new Scene();
        RecordMany(scene, 10);

        Assert.Equal([7, 8, 9], Ports(await scene.Get(new Proto.GetFlowsRequest { Number = 3 })));
    }

    [Fact]
    public async Task First_takes_the_oldest()
    {
        var scene = new Scene();
        RecordMany(scene, 10);

        Assert.Equal([0, 1, 2], Ports(await scene.Get(new Proto.GetFlowsRequest { Number = 3, First = true })));
    }

    [Fact]
    public async Task A_number_counts_matching_flows_only()
    {
        var scene = new Scene();
        RecordMany(scene, 10);
        var request = new Proto.GetFlowsRequest { Number = 2 };
        request.Whitelist.Add(new Proto.FlowFilter { SourcePort = { "1", "3", "5" } });

        Assert.Equal([3, 5], Ports(await scene.Get(request)));
    }

    [Fact]
    public async Task Since_and_until_bound_the_time()
    {
        var scene = new Scene();
        var start = scene.Time.GetUtcNow();
        RecordMany(scene, 10, TimeSpan.FromSeconds(1));
        var request = new Proto.GetFlowsRequest
        {
            Since = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(start.AddSeconds(3)),
            Until = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(start.AddSeconds(6)),
        };

        Assert.Equal([3, 4, 5, 6], Ports(await scene.Get(request)));
        request.Number = 2;
        Assert.Equal([5, 6], Ports(await scene.Get(request)));
    }

    [Fact]
    public async Task Losses_are_reported_in_place()
    {
        var scene = new Scene();
        RecordMany(scene, 1);
        scene.Ring.OnLost(42);
        RecordMany(scene, 1);

        var responses = await scene.Get();

        Assert.Equal(3, responses.Count);
        Assert.Equal(42ul, responses[1].LostEvents.NumEventsLost);
        Assert.Equal(Proto.LostEventSource.PerfEventRingBuffer, responses[1].LostEvents.Source);
        Assert.Equal(42, scene.Ring.LostEvents);
        Assert.Equal(2, scene.Ring.SeenFlows);
    }

    [Fact]
    public async Task A_loss_that_was_noticed_after_until_does_not_hide_the_flows_behind_it()
    {
        var scene = new Scene();
        var start = scene.Time.GetUtcNow();
        var late = scene.Trace();
        RecordMany(scene, 1, TimeSpan.FromSeconds(10));
        scene.Ring.OnLost(42);
        scene.Record(late, Scene.Syn(7));
        scene.Record(scene.Trace(), Scene.Syn(9));

        var responses = await scene.Get(new Proto.GetFlowsRequest
        {
            Until = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(start.AddSeconds(5)),
        });

        Assert.Equal(3, responses.Count);
        Assert.Equal(42ul, responses[1].LostEvents.NumEventsLost);
        Assert.Equal(7u, responses[2].Flow.L4.TCP.SourcePort);
    }

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue / 1_000_000_000)]
    public async Task A_time_that_is_none_is_refused(long seconds)
    {
        var scene = new Scene();
        var request = new Proto.GetFlowsRequest { Since = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = seconds } };

        Assert.Equal("since", (await Assert.ThrowsAsync<Cilium.Hubble.Filters.FlowFilterException>(() => scene.Get(request))).Field);
    }

    [Fact]
    public async Task Following_begins_with_what_comes()
    {
        var scene = new Scene();
        RecordMany(scene, 5);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await using var flows = scene.Observer.GetFlowsAsync(new Proto.GetFlowsRequest { Follow = true }, stop.Token).GetAsyncEnumerator(stop.Token);

        var next = flows.MoveNextAsync();
        Assert.False(next.IsCompleted);
        scene.Record(scene.Trace(), Scene.Syn(99));

        Assert.True(await next);
        Assert.Equal(99u, flows.Current.Flow.L4.TCP.SourcePort);
    }

    [Fact]
    public async Task A_follower_that_is_overtaken_is_told_how_much_it_missed()
    {
        var scene = new Scene(capacity: 7);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var request = new Proto.GetFlowsRequest { Follow = true, Number = 1 };
        RecordMany(scene, 1);
        await using var flows = scene.Observer.GetFlowsAsync(request, stop.Token).GetAsyncEnumerator(stop.Token);
        Assert.True(await flows.MoveNextAsync());

        RecordMany(scene, 20);
        Assert.True(await flows.MoveNextAsync());

        Assert.Equal(Proto.LostEventSource.HubbleRingBuffer, flows.Current.LostEvents.Source);
        Assert.Equal(13ul, flows.Current.LostEvents.NumEventsLost);
        Assert.True(await flows.MoveNextAsync());
        Assert.Equal(13u, flows.Current.Flow.L4.TCP.SourcePort);
    }

    [Fact]
    public async Task A_reader_never_sees_half_an_event()
    {
        var ring = new FlowRing(15, new HubbleIndex(), TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var writer = Task.Factory.StartNew(() => WriteUntil(ring, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var packet = new byte[FlowRing.PacketBytes];
        var read = 0;
        while (read < 20_000)
        {
            var position = Math.Max(0, ring.Head - (read % 15) - 1);
            if (ring.Read(position, out var record, packet) == FlowReadResult.Ok)
            {
                Assert.Equal((ulong)position, record.Event.MonotonicNs);
                Assert.Equal((byte)position, packet[0]);
                Assert.Equal((byte)position, packet[127]);
                read++;
            }
        }

        await stop.CancelAsync();
        await writer;
    }

    private static void WriteUntil(FlowRing ring, CancellationToken stop)
    {
        var packet = new byte[FlowRing.PacketBytes];
        for (ulong i = 0; !stop.IsCancellationRequested; i++)
        {
            Array.Fill(packet, (byte)i);
            ring.OnEvent(new DatapathEvent { MonotonicNs = i }, packet);
        }
    }

    private static void RecordMany(Scene scene, int count, TimeSpan step = default)
    {
        for (var i = 0; i < count; i++)
        {
            scene.Record(scene.Trace(), Scene.Syn((ushort)i));
            scene.Time.Advance(step);
        }
    }

    private static IEnumerable<int> Ports(IEnumerable<Proto.GetFlowsResponse> responses) =>
        responses.Select(response => (int)response.Flow.L4.TCP.SourcePort);
}
