using System.Net.Sockets;
using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Hubble.Monitor;
using Cilium.Hubble.Packets;
using FsCheck.Xunit;

namespace Cilium.Hubble.Tests.Monitor;

public sealed class MonitorTests
{
    private readonly Scene _scene = new();
    private readonly MonitorText _text = new(isNumeric: false, index => index == 7 ? "lxcweb" : "");

    [Fact]
    public void Lines_are_upstreams()
    {
        Assert.Matches(
            @"^-> endpoint 20 flow 0x[0-9a-f]+ , identity 34512->21001 state new ifindex lxcweb orig-ip 10.0.0.1: 10.0.0.1:40312 -> 10.0.0.2:80 tcp SYN$",
            Line(_scene.Trace() with { Destination = new EndpointId(20) }));
        Assert.Matches(
            @"^-> overlay flow 0x[0-9a-f]+ , identity 34512->world state established ifindex lxcweb orig-ip 10.0.0.1: 10.0.0.1:40312 -> 10.0.0.2:80 tcp SYN$",
            Line(_scene.Trace(point: 4, reason: 1) with { DestinationIdentity = Identity.World }));
        Assert.Matches(
            @"^xx drop \(Policy denied\) flow 0x[0-9a-f]+ to endpoint 0, ifindex 7, file bpf_lxc.c:1200, , identity 34512->21001: 10.0.0.1:40312 -> 10.0.0.2:80 tcp SYN$",
            Line(_scene.Drop(133)));
        Assert.Matches(
            @"^Policy verdict log: flow 0x[0-9a-f]+ local EP ID 20, remote ID 34512, proto 6, ingress, action deny, auth: disabled, match none, 10.0.0.1:40312 -> 10.0.0.2:80 tcp SYN$",
            Line(_scene.Verdict(-133, 0)));
        Assert.Equal("Lost 5 events", _text.Line(new MonitorMessage(default, default, 5)));
    }

    [Fact]
    public async Task Events_travel_over_the_socket_unchanged()
    {
        var folder = Directory.CreateTempSubdirectory("monitor-test-").FullName;
        using var server = new MonitorServer(Path.Combine(folder, "monitor.sock"));
        await server.StartAsync(CancellationToken.None);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await using var messages = MonitorClient.ListenAsync(Path.Combine(folder, "monitor.sock"), stop.Token).GetAsyncEnumerator(stop.Token);
        var first = messages.MoveNextAsync();
        Assert.True(SpinWait.SpinUntil(() => server.ListenerCount == 1, TimeSpan.FromSeconds(20)));
        var sent = _scene.Drop(133) with { ExtendedError = -5, OriginalAddress = IpAddr.Parse("fd00::9"), SocketCookie = 7, IsIPv6 = true, OriginalLength = 74 };

        server.OnEvent(sent, Scene.Syn());
        server.OnLost(3);

        Assert.True(await first);
        Assert.Equal(sent, messages.Current.Event);
        Assert.Equal(Scene.Syn(), messages.Current.Packet.ToArray());
        Assert.True(await messages.MoveNextAsync());
        Assert.Equal(3ul, messages.Current.Lost);
        await server.StopAsync(CancellationToken.None);
        Assert.False(await messages.MoveNextAsync());
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_listener_that_does_not_read_does_not_keep_the_server_from_stopping()
    {
        var folder = Directory.CreateTempSubdirectory("monitor-test-").FullName;
        var path = Path.Combine(folder, "monitor.sock");
        using var server = new MonitorServer(path);
        await server.StartAsync(CancellationToken.None);
        using var stopped = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await stopped.ConnectAsync(new UnixDomainSocketEndPoint(path), CancellationToken.None);
        Assert.True(SpinWait.SpinUntil(() => server.ListenerCount == 1, TimeSpan.FromSeconds(60)));
        var (waiting, unchanged) = (0, 0);
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                // More than the queue holds, until the socket's buffer takes no more. How much that is depends on how the events came: of small writes it
                // holds a fifth of what it does of large ones.
                for (var i = 0; i < 20_000; i++)
                {
                    server.OnEvent(_scene.Trace(), Scene.Syn());
                }

                unchanged = stopped.Available == waiting ? unchanged + 1 : 0;
                waiting = stopped.Available;
                return waiting > 8192 && unchanged >= 3;
            },
            TimeSpan.FromSeconds(60)));

        await server.StopAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60), CancellationToken.None);

        Assert.Equal(0, server.ListenerCount);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_listener_that_does_not_read_delays_nobody()
    {
        var folder = Directory.CreateTempSubdirectory("monitor-test-").FullName;
        using var server = new MonitorServer(Path.Combine(folder, "monitor.sock"));
        var packet = Scene.Syn();
        var datapathEvent = _scene.Trace();
        var least = long.MaxValue;
        for (var round = 0; round < 10 && least > 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
            {
                server.OnEvent(datapathEvent, packet);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Filters_choose_by_kind_and_endpoint()
    {
        var drop = _scene.Drop(133) with { Destination = new EndpointId(5) };

        Assert.True(new MonitorFilter().Shows(drop));
        Assert.True(new MonitorFilter { Types = [1] }.Shows(drop));
        Assert.False(new MonitorFilter { Types = [4] }.Shows(drop));
        Assert.True(new MonitorFilter { From = [20] }.Shows(drop));
        Assert.False(new MonitorFilter { From = [5] }.Shows(drop));
        Assert.True(new MonitorFilter { RelatedTo = [5] }.Shows(drop));
    }

    [Property(MaxTest = 1000)]
    public void Any_frame_is_survived(byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (MonitorFrame.TryRead(bytes, out var message))
        {
            Assert.NotNull(_text.Line(message));
        }
    }

    [Property(MaxTest = 1000)]
    public void Any_event_has_a_line(byte type, byte subType, byte reason, byte[] packet)
    {
        ArgumentNullException.ThrowIfNull(packet);
        var datapathEvent = new DatapathEvent { Type = (DatapathEventType)type, SubType = subType, TraceReason = reason, MatchType = subType, File = reason };
        var frame = MonitorFrame.OfEvent(datapathEvent, packet);
        Assert.True(MonitorFrame.TryRead(frame.AsMemory(4), out var message));
        Assert.NotNull(_text.Line(message));
        Assert.NotNull(_text.Block(message, withHex: true));
    }

    [Fact]
    public void A_connection_is_two_sockets() =>
        Assert.Equal("[fd00::1]:1 -> [fd00::2]:2 udp", MonitorText.Connection(PacketParser.Parse(PacketBytes.Udp("fd00::1", 1, "fd00::2", 2), isL3Device: false)));

    private string Line(in DatapathEvent datapathEvent) => _text.Line(new MonitorMessage(datapathEvent, Scene.Syn(), 0));
}
