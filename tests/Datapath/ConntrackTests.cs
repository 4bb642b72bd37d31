using Cilium.Bpf;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>What is remembered of connections, and what each packet is to its connection.</summary>
public sealed class ConntrackTests
{
    private const byte DestinationOptions = 60;

    [Theory, InlineData(4), InlineData(6)]
    public void Both_directions_share_one_entry(int family)
    {
        using var node = new Node(family);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn)).WentTo(TracePoint.ToEndpoint);
        var (key, entry) = node.OnlyConnection();
        Assert.Equal(Frame.Tcp, key.Protocol);
        Assert.Equal(new HashSet<ushort> { 40000, 80 }, [key.LowPort.Number, key.HighPort.Number]);
        var fromHigh = key.HighAddress == Bench.Address(node.A);
        Assert.Equal(fromHigh, entry.Flags.HasFlag(CtFlags.FromHigh));
        Assert.Equal((Node.IdentityA, Node.IdentityB, Node.EndpointA, Node.EndpointB),
            (entry.SourceIdentity, entry.DestinationIdentity, entry.SourceEndpoint, entry.DestinationEndpoint));
        var reply = node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Syn | Frame.Ack));
        Assert.Equal(TraceReason.Reply, reply.Trace!.Header.TraceReason);
        entry = node.OnlyConnection().Value;
        Assert.Equal((Frame.Syn, (byte)(Frame.Syn | Frame.Ack)), (entry.ForwardTcpFlags, entry.ReverseTcpFlags));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Packets_and_bytes_are_counted_by_direction(int family)
    {
        using var node = new Node(family);
        var syn = Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn);
        var request = Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack, 100);
        var answer = Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Ack, 700);
        node.FromA(syn);
        node.FromA(request);
        node.FromB(answer);
        var entry = node.OnlyConnection().Value;
        Assert.Equal((2UL, (ulong)(syn.Length + request.Length)), (entry.ForwardPackets, entry.ForwardBytes));
        Assert.Equal((1UL, (ulong)answer.Length), (entry.ReversePackets, entry.ReverseBytes));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Aggregation_reports_the_first_packet_and_new_flags(int family)
    {
        using var node = new Node(family);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn)).WentTo(TracePoint.ToEndpoint);
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Syn | Frame.Ack)).WentTo(TracePoint.ToEndpoint);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack)).WentQuietly();
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack, 100)).WentQuietly();
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Fin | Frame.Ack)).WentTo(TracePoint.ToEndpoint);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Fin | Frame.Ack)).WentQuietly();
    }

    [Fact]
    public void Without_aggregation_every_packet_is_reported_where_it_comes_in_and_goes_out()
    {
        using var node = new Node(4, constants: obj => obj.TrySetConstant("monitor_aggregation", [0]));
        node.FromA(Frame.UdpDatagram(node.A, node.B, 1, 2));
        var outcome = node.FromA(Frame.UdpDatagram(node.A, node.B, 1, 2));
        Assert.Equal([TracePoint.FromEndpoint, TracePoint.ToEndpoint], outcome.Events.Select(e => e.Point));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Lifetimes_follow_the_state_of_TCP(int family)
    {
        using var node = WithTimeouts(family);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        Assert.Equal(60, Remaining());
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Syn | Frame.Ack));
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack));
        Assert.Equal(8000, Remaining());
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Fin | Frame.Ack));
        Assert.Equal(8000, Remaining());
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Fin | Frame.Ack));
        Assert.Equal(10, Remaining());
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack));
        Assert.Equal(10, Remaining());
        // A SYN on a connection that closed is a new connection.
        var again = node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        Assert.Equal(TraceReason.New, again.Trace!.Header.TraceReason);
        Assert.Equal(60, Remaining());
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Rst | Frame.Ack));
        Assert.Equal(10, Remaining());

        int Remaining() => ConntrackTests.Remaining(node);
    }

    [Theory, InlineData(4, Frame.Ack), InlineData(6, Frame.Ack), InlineData(4, Frame.Rst), InlineData(6, Frame.Rst | Frame.Ack), InlineData(4, Frame.Fin | Frame.Ack)]
    public void One_packet_is_not_remembered_for_long_whatever_it_says(int family, byte flags)
    {
        using var node = WithTimeouts(family);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, flags));
        Assert.Equal(60, Remaining(node));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_reset_in_the_name_of_an_end_that_goes_on_does_not_end_the_connection(int family)
    {
        using var node = WithTimeouts(family);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Syn | Frame.Ack));
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack));
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Rst));
        // What the other end had on its way says nothing of the first.
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack));
        Assert.Equal(10, Remaining(node));
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Ack, 100));
        Assert.Equal(8000, Remaining(node));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_burst_of_new_connections_wakes_the_collector(int family)
    {
        const int recordBytes = 64;
        using var node = new Node(family, constants: obj => obj.SetConstant("created_wakeup_bytes", 10u * recordBytes));
        using var created = new RingBufferReader(node.Bench.Map("cilium_ct_created"));
        Connect(1, 10);
        Assert.Equal(9 * recordBytes, created.PendingBytes);
        Assert.False(created.Wait(TimeSpan.FromMilliseconds(10)));
        Connect(10, 11);
        Assert.True(created.Wait(TimeSpan.FromSeconds(10)));

        void Connect(int from, int to)
        {
            for (var port = from; port < to; port++) node.FromA(Frame.UdpDatagram(node.A, node.B, (ushort)port, 53));
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void An_expired_entry_counts_as_none(int family)
    {
        using var node = new Node(family);
        var packet = Frame.UdpDatagram(node.A, node.B, 1000, 2000);
        node.FromA(packet).WentTo(TracePoint.ToEndpoint);
        var (key, entry) = node.OnlyConnection();
        node.Bench.Map<CtTuple, CtEntry>("cilium_ct").Update(key, entry with { Lifetime = entry.Created - 1 });
        Assert.Equal(TraceReason.New, node.FromA(packet).Trace!.Header.TraceReason);
        Assert.True(node.OnlyConnection().Value.Lifetime >= entry.Lifetime);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Echo_and_its_reply_are_one_connection(int family)
    {
        using var node = new Node(family, a: EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        node.FromA(Frame.Echo(node.A, node.B, 77)).WentTo(TracePoint.ToEndpoint);
        var reply = node.FromB(Frame.Echo(node.B, node.A, 77, reply: true));
        reply.WentTo(TracePoint.ToEndpoint);
        Assert.Equal(TraceReason.Reply, reply.Trace!.Header.TraceReason);
        node.FromB(Frame.Echo(node.B, node.A, 77)).WasDropped(DropReason.Policy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void An_error_about_a_tracked_connection_is_related_and_passes(int family)
    {
        using var node = new Node(family, a: EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        var sent = Frame.UdpDatagram(node.A, node.B, 1000, 2000);
        node.FromA(sent).WentTo(TracePoint.ToEndpoint);
        var error = node.FromB(Frame.Unreachable(node.B, node.A, sent));
        error.WentTo(TracePoint.ToEndpoint);
        Assert.Equal(TraceReason.Related, error.Trace!.Header.TraceReason);
        var foreign = Frame.UdpDatagram(node.A, node.B, 1000, 2001);
        node.FromB(Frame.Unreachable(node.B, node.A, foreign)).WasDropped(DropReason.Policy);
        _ = node.OnlyConnection();
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Each_new_entry_is_announced_for_its_collection(int family)
    {
        using var node = new Node(family);
        node.FromA(Frame.UdpDatagram(node.A, node.B, 1000, 2000));
        node.FromA(Frame.UdpDatagram(node.A, node.B, 1000, 2000));
        node.FromA(Frame.UdpDatagram(node.A, node.B, 1001, 2000));
        var announced = new Announced();
        using var reader = new Cilium.Bpf.RingBufferReader(node.Bench.Map("cilium_ct_created"));
        Assert.Equal(2, reader.Drain(announced));
        Assert.Equal(node.Connections().Keys.ToHashSet(), announced.Records.Select(r => r.Key).ToHashSet());
        Assert.All(announced.Records, r => Assert.Equal(CreatedKind.Ct, r.Kind));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void An_entry_that_begins_again_is_announced_once_a_second(int family)
    {
        using var node = new Node(family);
        for (var i = 0; i < 20; i++)
        {
            node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
            node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Rst));
        }
        var announced = new Announced();
        using var reader = new Cilium.Bpf.RingBufferReader(node.Bench.Map("cilium_ct_created"));
        reader.Drain(announced);
        Assert.Equal(announced.Records.Distinct(), announced.Records);
        Assert.Equal((node.OnlyConnection().Key, node.OnlyConnection().Value.Created), (announced.Records[^1].Key, announced.Records[^1].Created));

        // What begins again later is announced again, as what was filed for the former is not its own.
        var map = node.Bench.Map<CtTuple, CtEntry>("cilium_ct");
        var (key, value) = node.OnlyConnection();
        map.Update(key, value with { Created = value.Created - 1 });
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        Assert.Equal(1, reader.Drain(announced));
        Assert.Equal(node.OnlyConnection().Value.Created, announced.Records[^1].Created);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Later_fragments_belong_to_the_connection_of_the_first(int family)
    {
        using var node = new Node(family, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Egress, Node.IdentityB, Frame.Udp, 2000));
        var parts = Frame.Fragments(Frame.UdpDatagram(node.A, node.B, 1000, 2000, 104), 64);
        node.FromA(parts[1]).WasDropped(DropReason.FragmentNotFound);
        node.FromA(parts[0]).WentTo(TracePoint.ToEndpoint);
        node.FromA(parts[1]).WentQuietly();
        _ = node.OnlyConnection();
        var denied = Frame.Fragments(Frame.UdpDatagram(node.A, node.C, 1000, 2001, 104), 64);
        node.FromA(denied[0]).WasDropped(DropReason.Policy);
        node.FromA(denied[1]).WasDropped(DropReason.Policy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void The_other_end_cannot_open_a_connection_under_the_name_of_a_reply(int family)
    {
        using var node = new Node(family, a: EndpointFlags.IngressEnforced);
        node.SetPolicy(Node.EndpointA);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Syn | Frame.Ack)).WentTo(TracePoint.ToEndpoint);
        node.FromA(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Ack)).WentQuietly();
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Syn)).WasDropped(DropReason.Policy);
        node.FromB(Frame.TcpSegment(node.B, node.A, 80, 40000, Frame.Ack)).WentQuietly();
    }

    [Fact]
    public void A_first_fragment_is_read_only_as_far_as_it_reaches()
    {
        // Frame.Fragments of IPv6 have 8 bytes of fragment header behind 40 of IP. The first holds destination options only, and what follows is not its own.
        using var node = new Node(6, a: EndpointFlags.EgressEnforced);
        node.SetPolicy(Node.EndpointA, Node.Allow(PolicyDirection.Egress, Node.IdentityB, Frame.Tcp, 53));
        byte[] Options(byte next) => [next, 0, 1, 4, 0, 0, 0, 0];
        var (allowed, denied) = (Frame.TcpSegment(node.A, node.B, 40000, 53, Frame.Syn), Frame.TcpSegment(node.A, node.B, 40000, 22, Frame.Syn));
        var whole = Frame.Ip(node.A, node.B, DestinationOptions, [.. Options(DestinationOptions), .. Options(Frame.Tcp), .. Frame.L4(denied)]);
        var parts = Frame.Fragments(whole, 8);
        byte[] first = [.. parts[0], .. Options(Frame.Tcp), .. Frame.L4(allowed)];
        node.FromA(first).WasDropped(DropReason.InvalidExtensionHeader);
        node.FromA(parts[1]).WasDropped(DropReason.FragmentNotFound);
        Assert.Empty(node.Connections());
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_header_behind_the_end_of_its_packet_is_none(int family)
    {
        using var node = new Node(family);
        var packet = Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn);
        var length = Frame.Ethernet + (family == 4 ? 2 : 4);
        packet[length + 1] -= 8;
        node.FromA(packet).WasDropped(DropReason.CtInvalidHeader);
        // What the network adds behind short packets does no harm.
        node.FromA([.. Frame.UdpDatagram(node.A, node.B, 1, 2), .. new byte[10]]).WentTo(TracePoint.ToEndpoint);
    }

    private static Node WithTimeouts(int family) => new(family, constants: obj =>
    {
        obj.SetConstant("ct_timeout_tcp", 8000u);
        obj.SetConstant("ct_timeout_tcp_syn", 60u);
        obj.SetConstant("ct_timeout_tcp_closing", 10u);
    });

    private static int Remaining(Node node)
    {
        var entry = node.OnlyConnection().Value;
        var seconds = (int)(entry.Lifetime - entry.Created);
        // The clock may tick between creation and a later packet.
        return seconds % 10 <= 5 ? seconds - (seconds % 10) : seconds;
    }

    private sealed class Announced : Cilium.Bpf.IRingBufferSink
    {
        internal List<CreatedRecord> Records { get; } = [];

        public void OnRecord(ReadOnlySpan<byte> record) => Records.Add(System.Runtime.InteropServices.MemoryMarshal.Read<CreatedRecord>(record));
    }
}
