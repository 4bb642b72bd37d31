using System.Buffers.Binary;
using System.Globalization;
using Cilium.Core;
using Cilium.VirtualNetwork.Wire;
using FsCheck.Fluent;

namespace Cilium.VirtualNetwork.Tests;

/// <summary>Packets of IPv6 that their senders cut, and that are put together again where a socket receives.</summary>
public sealed class Fragment6Tests
{
    private const int Header = 14 + 40;

    [Fact]
    public void A_socket_sends_what_does_not_fit_in_fragments_and_an_echo_comes_back_so()
    {
        using var net = new Topology(isIPv6: true);
        var wire = new List<byte[]>();
        net.Segment.Listener = frame => wire.Add(frame.ToArray());
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        var far = Topology.AddressOf(Topology.Pod(net.Second));
        foreach (var bytes in new[] { 1452, 1453, 4000, 65_000 })
        {
            Assert.Equal(0, socket.SendTo(Payload(bytes), new Endpoint(far, 53)));
            net.Fabric.Run();
            Assert.True(at.TryReceive(out var datagram));
            Assert.Equal(Payload(bytes), datagram.Payload.ToArray());
        }
        // 1,461 bytes: the largest multiple of eight that fits beside both headers, and the rest; the next header moved to the fragment's.
        var cut = wire.Where(frame => frame[20] == 44).Take(2).ToList();
        Assert.Equal([(1, 1448 + 8), (1448, 13 + 8)], cut.Select(frame => ((int)BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(Header + 2)), (int)BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(18)))));
        Assert.All(cut, frame => Assert.Equal((17, cut[0][Header + 7]), (frame[Header], frame[Header + 7])));
        Assert.DoesNotContain(wire, frame => frame.Length > 1514);

        var echo = Topology.Pod(net.First).Sockets.Echo(far, 9000);
        net.Fabric.Run();
        Assert.Equal([far], echo.Replies);
        Assert.Empty(net.Fabric.Drops);
    }

    [Fact]
    public void A_router_cuts_nothing_and_tells_the_socket_what_fits()
    {
        using var net = new Topology(isIPv6: true);
        Topology.Nic(net.First).Mtu = 1300;
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        Assert.Equal(0, socket.SendTo(Payload(4000), new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 53)));
        net.Fabric.Run();
        Assert.False(at.TryReceive(out _));
        // The last piece fits.
        Assert.Equal(2, net.Fabric.Drops[DropCause.TooBig]);
        Assert.Equal((2, 0), (socket.LastError!.Value.Type, socket.LastError.Value.Code));
    }

    [Fact]
    public void A_piece_that_never_comes_ends_the_others_after_a_minute_and_tells_the_sender()
    {
        using var net = new Topology(isIPv6: true);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        Inject(net, Pieces(net, Payload(1400), 648, 1, socket.Port)[..2]);
        net.Clock.Advance(TimeSpan.FromSeconds(59));
        Inject(net, Pieces(net, Payload(1400), 648, 2));
        Assert.True(at.TryReceive(out _));
        Assert.Empty(net.Fabric.Drops);
        net.Clock.Advance(TimeSpan.FromSeconds(2));
        Inject(net, Pieces(net, Payload(1400), 648, 3)[..1]);
        Assert.Equal(2, net.Fabric.Drops[DropCause.Unassembled]);
        Assert.False(at.TryReceive(out _));
        Assert.Equal((3, 1), (socket.LastError!.Value.Type, socket.LastError.Value.Code));
    }

    [Theory]
    [InlineData("0 1 1 2", 1, 1)]
    [InlineData("0 0 1 2", 1, 1)]
    [InlineData("2 1 0", 1, 0)]
    [InlineData("0 3 2 1", 0, 2)]
    [InlineData("2 4", 0, 2)]
    // Other numbers and other senders are other packets; an atomic fragment is a packet, whatever waits under its number (RFC 6946).
    [InlineData("0 5 1 2", 1, 0)]
    [InlineData("0 6 1 2", 2, 0)]
    public void Copies_are_dropped_and_overlaps_end_the_packet(string order, int received, int dropped)
    {
        using var net = new Topology(isIPv6: true);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        var pieces = Pieces(net, Payload(1400), 648, 1);
        // Overlapping the first and second; an end before what is there; of another packet; atomic.
        pieces.Add(Moved(pieces[1], 560, more: true));
        pieces.Add(Moved(pieces[1], 600, more: false));
        pieces.Add(Pieces(net, Payload(1400), 648, 2)[1]);
        pieces.Add(Pieces(net, Payload(10), 648, 1)[0]);
        Assert.Equal(7, pieces.Count);
        Inject(net, [.. order.Split(' ').Select(number => pieces[int.Parse(number, CultureInfo.InvariantCulture)])]);
        for (var i = 0; i < received; i++)
            Assert.True(at.TryReceive(out _));
        Assert.False(at.TryReceive(out _));
        Assert.Equal(dropped, net.Fabric.Drops.GetValueOrDefault(DropCause.Unassembled));
    }

    [Theory]
    // A piece that is no multiple of eight although more follows, one that ends behind the longest packet, a first one without the ports.
    [InlineData(1, 600, true, 7, 0, 4)]
    [InlineData(1, 65528, false, 0, 0, 42)]
    [InlineData(0, 0, true, 596, 3, 0)]
    public void A_fragment_that_makes_no_sense_is_refused_and_its_sender_told_where(int piece, int offset, bool more, int less, byte code, int pointer)
    {
        using var net = new Topology(isIPv6: true);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        var told = new List<byte[]>();
        net.Segment.Listener = frame =>
        {
            if (frame[20] == 58 && frame[Header] == 4)
                told.Add(frame.ToArray());
        };
        var pieces = Pieces(net, Payload(1400), 648, 1);
        var bad = Moved(pieces[piece], offset, more)[..^less];
        BinaryPrimitives.WriteUInt16BigEndian(bad.AsSpan(18), (ushort)(bad.Length - Header));
        Inject(net, [bad]);
        Assert.Equal(1, net.Fabric.Drops[DropCause.Unassembled]);
        var message = Assert.Single(told);
        Assert.Equal((code, pointer), (message[Header + 1], (int)BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(Header + 4))));
        // What waits or comes is not touched by it.
        Inject(net, pieces);
        Assert.True(at.TryReceive(out _));
    }

    [Fact]
    public void Headers_for_routers_are_in_each_fragment_and_others_are_cut_with_the_rest()
    {
        using var net = new Topology(isIPv6: true);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        var plain = Datagram(net, Payload(1000), 999);
        // Padding for routers, then for the destination, which stands before routing headers in vain here and counts as theirs.
        byte[] hopByHop = [60, 0, 1, 4, 0, 0, 0, 0];
        byte[] options = [17, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        byte[] frame = [.. plain[..Header], .. hopByHop, .. options, .. plain[Header..]];
        frame[20] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(18), (ushort)(frame.Length - Header));
        var pieces = Fragmentation6.Cut(frame, 40 + 24 + 8 + 400, 5);
        Assert.Equal(3, pieces.Count);
        Assert.All(pieces, piece => Assert.Equal([60, 0, 1, 4, 0, 0, 0, 0, 44], piece[Header..(Header + 9)]));
        Assert.All(pieces, piece => Assert.Equal(17, piece[Header + 24]));
        Inject(net, pieces);
        Assert.True(at.TryReceive(out var datagram));
        Assert.Equal(Payload(1000), datagram.Payload.ToArray());
        Assert.Empty(Fragmentation6.Cut(frame, 40 + 24 + 8 + 7, 5));
        var whole = Fragmentation6.Join(pieces[0], 40 + 24 + 8, 1008);
        Assert.Equal(frame[..(Header + 24)], whole[..(Header + 24)]);
    }

    [Fact]
    public void Any_payload_in_any_pieces_in_any_order_arrives() => FsCheck.Check.One(
        FsCheck.Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(200),
        Prop.ForAll(Arb.From(Gen.ArrayOf(Gen.Choose(0, int.MaxValue), 4)), numbers =>
        {
            using var net = new Topology(isIPv6: true);
            using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
            var payload = Payload(numbers[0] % 5000);
            var pieces = Pieces(net, payload, 56 + (numbers[1] % 1400), (uint)numbers[2]).ToArray();
            new Random(numbers[3]).Shuffle(pieces);
            Inject(net, pieces);
            Assert.True(at.TryReceive(out var datagram));
            Assert.Equal(payload, datagram.Payload.ToArray());
            Assert.Empty(net.Fabric.Drops);
        }));

    private static byte[] Payload(int bytes) => [.. Enumerable.Range(0, bytes).Select(i => (byte)(i * 31 >> 3))];

    private static byte[] Datagram(Topology net, byte[] payload, ushort sourcePort)
    {
        var pod = Topology.Pod(net.Second);
        var frame = FrameWriter.UdpDatagram(new Endpoint(IpAddr.Parse("fd00:1::10"), sourcePort), new Endpoint(Topology.AddressOf(pod), 53), payload);
        pod.InterfaceOrNull("eth0")!.Mac.WriteBytes(frame);
        return frame;
    }

    /// <summary>The fragments of a datagram for the second pod, as its device receives them.</summary>
    private static List<byte[]> Pieces(Topology net, byte[] payload, int mtu, uint id, ushort sourcePort = 999) => Fragmentation6.Cut(Datagram(net, payload, sourcePort), mtu, id);

    private static byte[] Moved(byte[] fragment, int offset, bool more)
    {
        var moved = (byte[])fragment.Clone();
        BinaryPrimitives.WriteUInt16BigEndian(moved.AsSpan(Header + 2), (ushort)(offset | (more ? 1 : 0)));
        return moved;
    }

    private static void Inject(Topology net, IReadOnlyList<byte[]> frames)
    {
        foreach (var frame in frames)
            Topology.Pod(net.Second).InterfaceOrNull("eth0")!.Inject(frame);
        net.Fabric.Run();
    }
}
