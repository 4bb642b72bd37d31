using System.Buffers.Binary;
using Cilium.Bpf;
using Cilium.Core;
using Cilium.VirtualNetwork.Wire;
using FsCheck.Fluent;

namespace Cilium.VirtualNetwork.Tests;

/// <summary>Packets of IPv4 that are cut on their way, and put together again where a socket receives.</summary>
public sealed class FragmentTests
{
    private const ushort Id = 77;

    [Fact]
    public void A_router_cuts_what_may_be_cut_and_the_receiver_puts_it_together()
    {
        using var net = new Topology();
        Topology.Nic(net.First).Mtu = 620;
        var wire = Watch(net);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        var payload = Payload(1400);
        Send(net, payload, at.Port, Id);
        net.Fabric.Run();
        Assert.True(at.TryReceive(out var datagram));
        Assert.Equal(payload, datagram.Payload.ToArray());
        Assert.False(at.TryReceive(out _));
        Assert.Empty(net.Fabric.Drops);
        // 1,408 bytes in pieces of 600, the largest multiple of eight that fits; all but the last say that more follows.
        Assert.Equal([(0, 600, true), (75, 600, true), (150, 208, false)], wire.ConvertAll(frame =>
            (BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(20)) & 0x1FFF, BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(16)) - 20, (frame[20] & 0x20) != 0)));
        Assert.All(wire, frame => Assert.True(IpPacket.TryRead(frame, out var ip) && ip.Ttl == 63));
    }

    [Fact]
    public void Fragments_are_cut_again_by_a_smaller_link()
    {
        using var net = new Topology();
        Topology.Nic(net.First).Mtu = 1000;
        Topology.Lxc(net.Second).Mtu = 300;
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        var payload = Payload(1400);
        Send(net, payload, at.Port, Id);
        net.Fabric.Run();
        Assert.True(at.TryReceive(out var datagram));
        Assert.Equal(payload, datagram.Payload.ToArray());
    }

    [Fact]
    public void A_socket_sends_what_does_not_fit_its_link_in_fragments_and_an_echo_comes_back_so()
    {
        using var net = new Topology();
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        var far = Topology.AddressOf(Topology.Pod(net.Second));
        foreach (var bytes in new[] { 4000, 65_000 })
        {
            Assert.Equal(0, socket.SendTo(Payload(bytes), new Endpoint(far, 53)));
            net.Fabric.Run();
            Assert.True(at.TryReceive(out var datagram));
            Assert.Equal(Payload(bytes), datagram.Payload.ToArray());
        }
        var echo = Topology.Pod(net.First).Sockets.Echo(far, 9000);
        net.Fabric.Run();
        Assert.Equal([far], echo.Replies);
        Assert.Empty(net.Fabric.Drops);
    }

    [Fact]
    public void A_tunnel_leaves_cutting_to_the_link_below()
    {
        using var net = new Topology();
        var (here, there) = (net.First.Host.AddTunnel("vxlan", 8472), net.Second.Host.AddTunnel("vxlan", 8472));
        Topology.Lxc(net.First).Attach(net.Program(net.First, "to_tunnel", here.Index, IpAddr.Parse("192.168.0.2").IPv4Value), TcDirection.Ingress);
        there.Attach(net.Program(net.Second, "to_peer", Topology.Lxc(net.Second).Index), TcDirection.Ingress);
        var wire = Watch(net);
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        socket.SendTo(Payload(1472), new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 53));
        net.Fabric.Run();
        Assert.True(at.TryReceive(out var datagram));
        Assert.Equal(Payload(1472), datagram.Payload.ToArray());
        Assert.Equal(2, wire.Count);

        // Who takes what the node gets does not see the tunnel's fragments, but others.
        var taken = new List<int>();
        net.Second.Host.Sink = (_, frame) =>
        {
            taken.Add(frame.Length);
            return true;
        };
        socket.SendTo(Payload(1472), new Endpoint(Topology.AddressOf(Topology.Pod(net.Second)), 53));
        net.Fabric.Run();
        Assert.True(at.TryReceive(out _));
        Assert.Empty(taken);
        using var ofNode = net.First.Host.Sockets.OpenUdp();
        Assert.Equal(0, ofNode.SendTo(Payload(2000), new Endpoint(Topology.Nic(net.Second).Addresses[0], 53)));
        net.Fabric.Run();
        Assert.Equal([1514, 14 + 20 + 528], taken);
    }

    [Fact]
    public void Options_that_are_not_for_every_fragment_are_in_the_first_only()
    {
        var frame = new byte[14 + 28 + 64];
        (frame[12], frame[13]) = (8, 0);
        var ip = frame.AsSpan(14);
        ip[0] = 0x47;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
        // A timestamp, which is not copied, and a router alert, which is.
        new byte[] { 68, 4, 5, 0, 0x94, 4, 0, 0 }.CopyTo(ip[20..]);
        Fragmentation.Allow(frame, 7);
        var fragments = Fragmentation.Cut(frame, 28 + 40);
        Assert.Equal(2, fragments.Count);
        Assert.Equal([68, 4, 5, 0, 0x94, 4, 0, 0], fragments[0][34..42]);
        Assert.Equal([1, 1, 1, 1, 0x94, 4, 0, 0], fragments[1][34..42]);
        Assert.All(fragments, fragment => Assert.True(IpPacket.TryRead(fragment, out _)));
        Assert.Empty(Fragmentation.Cut(frame, 28 + 7));
    }

    [Fact]
    public void A_piece_that_never_comes_ends_the_others_after_half_a_minute_and_tells_the_sender()
    {
        using var net = new Topology();
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        using var socket = Topology.Pod(net.First).Sockets.OpenUdp();
        Inject(net, Pieces(net, Payload(1400), 600, 1, socket.Port)[..2]);
        net.Clock.Advance(TimeSpan.FromSeconds(29));
        Inject(net, Pieces(net, Payload(10), 600, 2));
        Assert.True(at.TryReceive(out _));
        Assert.Empty(net.Fabric.Drops);
        net.Clock.Advance(TimeSpan.FromSeconds(2));
        Inject(net, Pieces(net, Payload(1400), 600, 3)[..1]);
        Assert.Equal(2, net.Fabric.Drops[DropCause.Unassembled]);
        Assert.False(at.TryReceive(out _));
        Assert.Equal((11, 1), (socket.LastError!.Value.Type, socket.LastError.Value.Code));
    }

    [Theory]
    [InlineData("0 1 1 2", 1, 1)]
    [InlineData("0 0 1 2", 1, 1)]
    [InlineData("2 1 0", 1, 0)]
    [InlineData("0 3 2 1", 0, 2)]
    [InlineData("0 4", 0, 2)]
    [InlineData("2 5", 0, 2)]
    public void Copies_are_dropped_and_contradictions_end_the_packet(string order, int received, int dropped)
    {
        using var net = new Topology();
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        var pieces = Pieces(net, Payload(1400), 600, 1);
        // Overlapping the first and second; the same from a place behind the end; an end before what is there.
        pieces.Add(Moved(pieces[1], 70, more: true));
        pieces.Add(Moved(pieces[1], 8191, more: true));
        pieces.Add(Moved(pieces[1], 75, more: false));
        Inject(net, [.. order.Split(' ').Select(number => pieces[int.Parse(number, System.Globalization.CultureInfo.InvariantCulture)])]);
        for (var i = 0; i < received; i++)
            Assert.True(at.TryReceive(out _));
        Assert.False(at.TryReceive(out _));
        Assert.Equal(dropped, net.Fabric.Drops.GetValueOrDefault(DropCause.Unassembled));
    }

    [Fact]
    public void Too_many_unfinished_packets_push_out_the_oldest()
    {
        using var net = new Topology();
        using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
        for (var id = 1; id <= 65; id++)
            Inject(net, Pieces(net, Payload(1400), 600, (ushort)id)[..1]);
        Assert.Equal(1, net.Fabric.Drops[DropCause.Unassembled]);
        Inject(net, Pieces(net, Payload(1400), 600, 2)[1..]);
        Assert.True(at.TryReceive(out _));
    }

    [Fact]
    public void Any_payload_in_any_pieces_in_any_order_arrives() => FsCheck.Check.One(
        FsCheck.Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(200),
        Prop.ForAll(Arb.From(Gen.ArrayOf(Gen.Choose(0, int.MaxValue), 4)), numbers =>
        {
            using var net = new Topology();
            using var at = Topology.Pod(net.Second).Sockets.OpenUdp(53);
            var payload = Payload(numbers[0] % 5000);
            var pieces = Pieces(net, payload, 28 + (numbers[1] % 1400), (ushort)numbers[2]).ToArray();
            new Random(numbers[3]).Shuffle(pieces);
            Inject(net, pieces);
            Assert.True(at.TryReceive(out var datagram));
            Assert.Equal(payload, datagram.Payload.ToArray());
            Assert.Empty(net.Fabric.Drops);
        }));

    private static byte[] Payload(int bytes) => [.. Enumerable.Range(0, bytes).Select(i => (byte)(i * 31 >> 3))];

    private static List<byte[]> Watch(Topology net)
    {
        var wire = new List<byte[]>();
        net.Segment.Listener = frame =>
        {
            if (frame[12] == 8 && frame[13] == 0)
                wire.Add(frame.ToArray());
        };
        return wire;
    }

    /// <summary>From the first pod, without the flag that forbids cutting.</summary>
    private static void Send(Topology net, byte[] payload, ushort port, ushort id)
    {
        var (from, to) = (Topology.Pod(net.First), Topology.AddressOf(Topology.Pod(net.Second)));
        var frame = FrameWriter.UdpDatagram(new Endpoint(Topology.AddressOf(from), 999), new Endpoint(to, port), payload);
        Fragmentation.Allow(frame, id);
        from.Send(frame.AsSpan(IpPacket.EthernetBytes));
    }

    /// <summary>The fragments of a datagram for the second pod, as its device receives them.</summary>
    private static List<byte[]> Pieces(Topology net, byte[] payload, int mtu, ushort id, ushort sourcePort = 999)
    {
        var pod = Topology.Pod(net.Second);
        var frame = FrameWriter.UdpDatagram(new Endpoint(IpAddr.Parse("10.0.1.10"), sourcePort), new Endpoint(Topology.AddressOf(pod), 53), payload);
        pod.InterfaceOrNull("eth0")!.Mac.WriteBytes(frame);
        Fragmentation.Allow(frame, id);
        return Fragmentation.Cut(frame, mtu);
    }

    private static byte[] Moved(byte[] fragment, int units, bool more)
    {
        var moved = (byte[])fragment.Clone();
        BinaryPrimitives.WriteUInt16BigEndian(moved.AsSpan(20), (ushort)(units | (more ? 0x2000 : 0)));
        BinaryPrimitives.WriteUInt16BigEndian(moved.AsSpan(24), 0);
        BinaryPrimitives.WriteUInt16BigEndian(moved.AsSpan(24), InternetChecksum.Fold(InternetChecksum.Sum(moved.AsSpan(14, 20))));
        return moved;
    }

    private static void Inject(Topology net, IReadOnlyList<byte[]> frames)
    {
        foreach (var frame in frames)
            Topology.Pod(net.Second).InterfaceOrNull("eth0")!.Inject(frame);
        net.Fabric.Run();
    }
}
