using System.Buffers.Binary;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>What a pod may send at all, and what answers it on the link.</summary>
public sealed class AddressTests
{
    [Theory, InlineData(4, "10.0.0.99"), InlineData(4, "10.0.0.11"), InlineData(6, "fd00::99"), InlineData(6, "fe80::1")]
    public void A_foreign_source_address_is_dropped(int family, string source)
    {
        using var node = new Node(family);
        node.FromA(Frame.UdpDatagram(source, node.B, 1, 2)).WasDropped(DropReason.InvalidSourceIp);
        Assert.Equal(1UL, node.Bench.Dropped(DropReason.InvalidSourceIp));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_pod_may_not_speak_to_the_tunnel_port(int family)
    {
        using var node = new Node(family);
        node.FromA(Frame.UdpDatagram(node.A, node.B, 1, 8472)).WasDropped(DropReason.EncapsulationProhibited);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Nor_by_a_service_in_front_of_it(int family)
    {
        using var node = new Node(family);
        foreach (var behind in new[] { node.Self, node.Peer, node.World })
        {
            node.AddService(Frame.Udp, (behind, 8472));
            node.FromA(Frame.UdpDatagram(node.A, node.Vip, (ushort)(behind.Length + 1), 80)).WasDropped(DropReason.EncapsulationProhibited);
        }
        // A service may have that port, and pods behind it.
        node.AddService(node.Vip, 8472, Frame.Udp, FrontendFlags.None, (node.B, 53));
        node.FromA(Frame.UdpDatagram(node.A, node.Vip, 100, 8472)).WentTo(TracePoint.ToEndpoint);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void An_unknown_protocol_is_dropped(int family)
    {
        using var node = new Node(family);
        node.FromA(Frame.Ip(node.A, node.B, 47, new byte[8])).WasDropped(DropReason.CtUnknownProtocol);
    }

    [Theory, InlineData(4, 13), InlineData(6, 13), InlineData(4, 0), InlineData(6, 3)]
    public void A_truncated_header_is_dropped(int family, int bytes)
    {
        using var node = new Node(family);
        node.FromA(Frame.Ip(node.A, node.B, Frame.Tcp, new byte[bytes])).WasDropped(DropReason.CtInvalidHeader);
    }

    [Fact]
    public void A_frame_that_is_no_internet_protocol_is_dropped()
    {
        using var node = new Node(4);
        var frame = new byte[60];
        frame[12] = 0x88;
        frame[13] = 0xCC;
        node.FromA(frame).WasDropped(DropReason.UnknownL3);
    }

    [Fact]
    public void A_family_that_is_off_is_unknown()
    {
        using var node = new Node(6, constants: obj => obj.TrySetConstant("enable_ipv6", [0]));
        node.FromA(Frame.Echo(node.A, node.B, 1)).WasDropped(DropReason.UnknownL3);
    }

    [Fact]
    public void A_device_without_a_row_forwards_nothing()
    {
        using var node = new Node(4);
        node.Bench.Map<uint, EndpointRow>("cilium_devices").Update(Bench.Device, default);
        node.FromA(Frame.Echo(node.A, node.B, 1)).WasDropped(DropReason.NoEndpointPolicy);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void The_last_hop_is_not_taken(int family)
    {
        using var node = new Node(family);
        node.FromA(Frame.Ip(node.A, node.B, Frame.Udp, [0, 1, 0, 2, 0, 8, 0, 0], hops: 1)).WasDropped(DropReason.TtlExceeded);
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Local_delivery_counts_a_hop_and_writes_both_Ethernet_addresses(int family)
    {
        using var node = new Node(family);
        var outcome = node.FromA(Frame.UdpDatagram(node.A, node.B, 1, 2));
        outcome.WentTo(TracePoint.ToEndpoint);
        Assert.Equal(63, Frame.Hops(outcome.Packet));
        Assert.Equal(Frame.OtherPodMac, outcome.Packet[..6]);
        Assert.Equal(Frame.OtherHostMac, outcome.Packet[6..12]);
        Assert.True(Frame.IsSound(outcome.Packet));
        Assert.Equal(Node.DeviceB, outcome.Trace!.Header.Ifindex);
        Assert.Equal(node.A, Frame.Source(outcome.Trace.Captured));
        Assert.NotEqual(0UL, outcome.Trace.Header.TimestampNs);
    }

    [Theory, InlineData("10.0.0.1", true), InlineData("10.0.0.11", false)]
    public void Only_the_gateway_is_answered_for_in_ARP(string target, bool answered)
    {
        using var node = new Node(4);
        var frame = new byte[42];
        frame.AsSpan(0, 6).Fill(0xFF);
        Frame.PodMac.CopyTo(frame, 6);
        BinaryPrimitives.WriteUInt64BigEndian(frame.AsSpan(12), 0x0806_0001_0800_0604);
        frame[21] = 1;
        Frame.PodMac.CopyTo(frame, 22);
        System.Net.IPAddress.Parse(node.A).GetAddressBytes().CopyTo(frame, 28);
        System.Net.IPAddress.Parse(target).GetAddressBytes().CopyTo(frame, 38);
        var outcome = node.FromA(frame);
        if (!answered)
        {
            Assert.Equal(Outcome.Pass, outcome.Verdict);
            Assert.Equal(frame, outcome.Packet);
            return;
        }
        Assert.Equal(Outcome.Redirect, outcome.Verdict);
        Assert.Equal(Frame.PodMac, outcome.Packet[..6]);
        Assert.Equal(Frame.HostMac, outcome.Packet[6..12]);
        Assert.Equal(2, outcome.Packet[21]);
        Assert.Equal(Frame.HostMac, outcome.Packet[22..28]);
        Assert.Equal(frame[38..42], outcome.Packet[28..32]);
        Assert.Equal(frame[22..32], outcome.Packet[32..42]);
    }

    [Theory, InlineData("fd00::1", "fd00::10", true), InlineData("fd00::1", "fe80::10", true), InlineData("fd00::11", "fd00::10", false), InlineData("fd00::10", "::", false)]
    public void Only_the_gateway_is_advertised_to_a_neighbour(string target, string source, bool answered)
    {
        using var node = new Node(6);
        var l4 = new byte[32];
        l4[0] = 135;
        System.Net.IPAddress.Parse(target).GetAddressBytes().CopyTo(l4, 8);
        l4[24] = 1;
        l4[25] = 1;
        Frame.PodMac.CopyTo(l4, 26);
        var frame = Frame.Ip(source, "ff02::1:ff00:1", Frame.IcmpV6, l4, hops: 255);
        var outcome = node.FromA(frame);
        if (!answered)
        {
            Assert.Equal(Outcome.Pass, outcome.Verdict);
            Assert.Equal(frame, outcome.Packet);
            return;
        }
        Assert.Equal(Outcome.Redirect, outcome.Verdict);
        Assert.True(Frame.IsSound(outcome.Packet));
        Assert.Equal((target, source), (Frame.Source(outcome.Packet), Frame.Destination(outcome.Packet)));
        Assert.Equal(136, Frame.L4(outcome.Packet)[0]);
        Assert.Equal(Frame.HostMac, Frame.L4(outcome.Packet).Slice(26, 6).ToArray());
        Assert.Equal(Frame.PodMac, outcome.Packet[..6]);
    }
}
