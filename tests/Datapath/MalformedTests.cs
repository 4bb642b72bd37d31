using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Packets that no one should send.</summary>
public sealed class MalformedTests
{
    private const int Shortest = 54;

    [Theory]
    [InlineData("cil_from_container"), InlineData("cil_to_container"), InlineData("cil_from_host")]
    [InlineData("cil_from_overlay"), InlineData("cil_from_netdev"), InlineData("cil_to_netdev")]
    public void Any_bytes_get_a_verdict_and_each_drop_is_told_and_counted(string program)
    {
        using var node = Node.WithEverything(4);
        node.AddService((node.B, 8080));
        using var six = Node.WithEverything(6);
        six.AddService((six.B, 8080));
        var random = new Random(4711);
        var drops = 0UL;
        for (var i = 0; i < 3000; i++)
        {
            var at = i % 2 == 0 ? node : six;
            var packet = Mutated(random, Valid(random, at));
            var outcome = at.Bench.Run(program, packet);
            Assert.Contains(outcome.Verdict, new[] { Outcome.Pass, Outcome.Shot, Outcome.Redirect });
            Assert.Equal(outcome.Verdict == Outcome.Shot, outcome.Drop is not null && outcome.Drop.Reason != DropReason.NoService);
            drops += outcome.Verdict == Outcome.Shot ? 1UL : 0;
        }
        var counted = Enum.GetValues<DropReason>().Where(reason => reason is not (DropReason.Forwarded or DropReason.NoService))
            .Aggregate(0UL, (sum, reason) => sum + node.Bench.Dropped(reason) + six.Bench.Dropped(reason));
        Assert.Equal(drops, counted);
    }

    private static byte[] Valid(Random random, Node node)
    {
        string[] ends = [node.A, node.B, node.C, node.Self, node.Router, node.World, node.Vip];
        var (from, to) = (ends[random.Next(ends.Length)], ends[random.Next(ends.Length)]);
        var packet = random.Next(6) switch
        {
            0 => Frame.TcpSegment(from, to, 40000, 80, Frame.Syn),
            1 => Frame.UdpDatagram(from, to, 40000, 53, 100),
            2 => Frame.Echo(from, to, 9),
            3 => Frame.Unreachable(from, to, Frame.UdpDatagram(to, from, 53, 40000)),
            4 => Frame.Fragments(Frame.UdpDatagram(from, to, 40000, 53, 100), 64)[random.Next(2)],
            _ => Frame.Ip(from, to, (byte)random.Next(256), new byte[40]),
        };
        return packet;
    }

    private static byte[] Mutated(Random random, byte[] packet)
    {
        for (var i = random.Next(4); i > 0; i--)
            packet[random.Next(12, packet.Length)] = (byte)random.Next(256);
        // The kernel refuses to run on less than the header that the Ethernet type promises.
        if (packet.Length < Shortest)
            Array.Resize(ref packet, Shortest);
        return random.Next(4) == 0 ? packet[..random.Next(Shortest, packet.Length + 1)] : packet;
    }
}
