using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>The two entries of a masqueraded connection: one can be evicted without the other, and both follow the state of TCP.</summary>
public sealed class MasqueradeTests
{
    private const ushort Port = 40000;

    [Theory, InlineData(4), InlineData(6)]
    public void Aggregation_reports_the_first_packet_to_the_network_and_the_end(int family)
    {
        using var node = Node.WithEverything(family);
        var first = Assert.Single(Send(node, node.A).Events);
        Assert.Equal((TracePoint.ToNetwork, Bench.Address(node.A)), (first.Point, first.Header.OriginalAddress));
        Answer(node, Port, Frame.Syn | Frame.Ack);
        Assert.Empty(Send(node, node.A, Frame.Ack).Events);
        Assert.Empty(Send(node, node.A, Frame.Ack).Events);
        Assert.Equal(TracePoint.ToNetwork, Assert.Single(Send(node, node.A, Frame.Fin | Frame.Ack).Events).Point);
        Assert.Empty(Send(node, node.A, Frame.Ack).Events);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_lost_way_back_is_entered_again(int family)
    {
        using var node = Node.WithEverything(family);
        Leave(node, node.A);
        Lose(node, SnatDirection.Ingress);
        var left = Leave(node, node.A, Frame.Ack);
        Assert.Equal((node.Self, Port), (Frame.Source(left), Frame.SourcePort(left)));
        Assert.Equal((node.A, Port), Reached(Answer(node, Port)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_lost_way_out_is_entered_again_by_an_answer(int family)
    {
        using var node = Node.WithEverything(family);
        Leave(node, node.A);
        // A second connection from the same port leaves by another one, which nobody could guess.
        var port = Frame.SourcePort(Leave(node, node.B));
        Assert.NotEqual(Port, port);
        Assert.Equal((node.B, Port), Reached(Answer(node, port)));
        Lose(node, SnatDirection.Egress);
        Assert.Equal((node.B, Port), Reached(Answer(node, port)));
        Assert.Equal(port, Frame.SourcePort(Leave(node, node.B, Frame.Ack)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_port_that_was_lost_to_another_is_left_to_it(int family)
    {
        using var node = Node.WithEverything(family);
        Leave(node, node.A);
        Lose(node, SnatDirection.Ingress);
        Assert.Equal(Port, Frame.SourcePort(Leave(node, node.B)));
        var port = Frame.SourcePort(Leave(node, node.A, Frame.Ack));
        Assert.NotEqual(Port, port);
        Assert.Equal((node.A, Port), Reached(Answer(node, port)));
        Assert.Equal((node.B, Port), Reached(Answer(node, Port)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_lost_way_out_takes_the_port_it_had(int family)
    {
        using var node = Node.WithEverything(family);
        Leave(node, node.A);
        Lose(node, SnatDirection.Egress);
        Assert.Equal(Port, Frame.SourcePort(Leave(node, node.A, Frame.Ack)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void An_address_that_the_node_no_longer_has_is_replaced(int family)
    {
        using var node = Node.WithEverything(family);
        Leave(node, node.A);
        var map = Table(node);
        var (key, value) = Assert.Single(map.ToDictionary(), entry => entry.Key.Direction == SnatDirection.Egress);
        map.Update(key, value with { ToAddress = Bench.Address(family == 4 ? "192.168.0.77" : "fd77::77") });
        var left = Leave(node, node.A, Frame.Ack);
        Assert.Equal(node.Self, Frame.Source(left));
        Assert.Equal((node.A, Port), Reached(Answer(node, Frame.SourcePort(left))));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_device_with_an_address_of_its_own_gives_it_to_what_leaves_by_it(int family)
    {
        using var node = Node.WithEverything(family);
        var own = family == 4 ? "198.51.100.5" : "2001:db8:5::5";
        node.Bench.Map<Addr128, EndpointRow>("cilium_lxc").Update(
            Bench.Address(own), new EndpointRow(1, 0, EndpointFlags.Present | EndpointFlags.Host, 0, 0, default, default, 0, default, default));
        var devices = node.Bench.Map<uint, DeviceAddresses>("cilium_device_addresses");
        // Another device's, and the other family's, are none of this packet's.
        devices.Update(Bench.Device + 1, new DeviceAddresses(Bench.Address(own), Bench.Address(own)));
        devices.Update(Bench.Device, family == 4 ? new DeviceAddresses(default, Bench.Address("2001:db8:5::5")) : new DeviceAddresses(Bench.Address("198.51.100.5"), default));
        Assert.Equal(node.Self, Frame.Source(Leave(node, node.A)));
        devices.Update(Bench.Device, family == 4 ? new DeviceAddresses(Bench.Address(own), default) : new DeviceAddresses(default, Bench.Address(own)));
        var left = Leave(node, node.B);
        Assert.Equal(own, Frame.Source(left));
        Assert.True(Frame.IsSound(left));
        Assert.Equal((node.B, Port), Reached(node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.World, own, 80, Frame.SourcePort(left), Frame.Ack)).Packet));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_half_closed_connection_stays(int family)
    {
        using var node = Node.WithEverything(family);
        Leave(node, node.A);
        Assert.Equal((60, SnatFlags.None), State(node));
        Answer(node, Port, Frame.Syn | Frame.Ack);
        Leave(node, node.A, Frame.Ack);
        Assert.Equal((8000, SnatFlags.Confirmed), State(node));
        Leave(node, node.A, Frame.Fin | Frame.Ack);
        Leave(node, node.A, Frame.Fin | Frame.Ack);
        Assert.Equal((8000, SnatFlags.Confirmed | SnatFlags.FinEgress), State(node));
        Answer(node, Port);
        Assert.Equal((8000, SnatFlags.Confirmed | SnatFlags.FinEgress), State(node));
        Answer(node, Port, Frame.Fin | Frame.Ack);
        Assert.Equal((60, SnatFlags.Confirmed | SnatFlags.FinEgress | SnatFlags.FinIngress | SnatFlags.Closing), State(node));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void The_port_of_a_connection_that_expired_is_given_again(int family)
    {
        using var node = Node.WithEverything(family, constants: obj =>
        {
            _ = obj.TrySetConstant("snat_port_min", BitConverter.GetBytes(Port));
            _ = obj.TrySetConstant("snat_port_max", BitConverter.GetBytes(Port));
        });
        Leave(node, node.A);
        Send(node, node.B).WasDropped(DropReason.SnatNoMapping);

        // Nothing has collected the entries yet.
        var map = Table(node);
        foreach (var (key, value) in map.ToDictionary())
            map.Update(key, value with { Lifetime = value.Created - 1 });
        var left = Send(node, node.B);
        Assert.True(left.Drop is null, $"dropped: {left.Drop?.Reason}");
        Assert.Equal((node.Self, Port), (Frame.Source(left.Packet), Frame.SourcePort(left.Packet)));
        Assert.Equal((node.B, Port), Reached(Answer(node, Port, Frame.Syn | Frame.Ack)));

        // Who had it is too late.
        Send(node, node.A, Frame.Ack).WasDropped(DropReason.SnatNoMapping);
        Assert.Equal((node.B, Port), Reached(Answer(node, Port)));
        Assert.Equal(Port, Frame.SourcePort(Leave(node, node.B, Frame.Ack)));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_reset_ends_it_at_once(int family)
    {
        using var node = Node.WithEverything(family);
        Leave(node, node.A);
        Answer(node, Port, Frame.Rst | Frame.Ack);
        Assert.Equal((60, SnatFlags.Confirmed | SnatFlags.Closing | SnatFlags.RstIngress), State(node));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_reset_in_the_name_of_one_that_goes_on_does_not_stay(int family)
    {
        using var node = Node.WithEverything(family);
        Leave(node, node.A);
        Answer(node, Port, Frame.Syn | Frame.Ack);
        Leave(node, node.A, Frame.Ack);
        Answer(node, Port, Frame.Rst);
        Assert.Equal(60, State(node).Item1);

        // What the other one says, on its way already, does not make the reset undone.
        Leave(node, node.A, Frame.Ack);
        Assert.Equal(60, State(node).Item1);
        Answer(node, Port);
        Assert.Equal((8000, SnatFlags.Confirmed), State(node));
        Leave(node, node.A, Frame.Rst);
        Answer(node, Port);
        Assert.Equal(60, State(node).Item1);
        Leave(node, node.A, Frame.Ack);
        Assert.Equal((8000, SnatFlags.Confirmed), State(node));
    }

    private static Cilium.Bpf.BpfMap<SnatKey, SnatValue> Table(Node node) => node.Bench.Map<SnatKey, SnatValue>("cilium_snat");

    private static byte[] Leave(Node node, string pod, byte flags = Frame.Syn) => Send(node, pod, flags).Packet;

    private static Outcome Send(Node node, string pod, byte flags = Frame.Syn)
    {
        var packet = Frame.TcpSegment(pod, node.World, Port, 80, flags);
        _ = pod == node.A ? node.FromA(packet) : node.FromB(packet);
        return node.Bench.Run("cil_to_netdev", packet);
    }

    private static byte[] Answer(Node node, ushort port, byte flags = Frame.Ack) =>
        node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.World, node.Self, 80, port, flags)).Packet;

    private static (string, ushort) Reached(byte[] packet) => (Frame.Destination(packet), Frame.DestinationPort(packet));

    /// <summary>Evicts the entries of a direction. What is left was last looked after a second ago.</summary>
    private static void Lose(Node node, SnatDirection direction)
    {
        var map = Table(node);
        foreach (var (key, value) in map.ToDictionary())
        {
            if (key.Direction == direction)
                map.Delete(key);
            else
                map.Update(key, value with { Lifetime = value.Lifetime - 1 });
        }
    }

    /// <summary>What both entries of the only connection say: seconds from the first packet to the end, and flags.</summary>
    private static (int, SnatFlags) State(Node node)
    {
        var entries = Table(node).ToDictionary().Values.ToList();
        Assert.Equal(2, entries.Count);
        Assert.Equal(entries[0].Flags, entries[1].Flags);
        Assert.Equal(entries[0].Lifetime, entries[1].Lifetime);
        var seconds = (int)(entries[0].Lifetime - entries[0].Created);
        // The clock may tick between the first packet and a later one.
        return (seconds % 10 <= 5 ? seconds - (seconds % 10) : seconds, entries[0].Flags);
    }
}
