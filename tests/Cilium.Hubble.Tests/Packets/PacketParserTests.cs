using Cilium.Core;
using Cilium.Hubble.Packets;
using FsCheck.Xunit;

namespace Cilium.Hubble.Tests.Packets;

public sealed class PacketParserTests
{
    [Fact]
    public void Tcp_over_IPv4_is_read_to_its_flags()
    {
        var packet = PacketParser.Parse(PacketBytes.Tcp("10.0.0.1", 40312, "10.0.0.2", 80, TcpFlags.Syn | TcpFlags.Ack), isL3Device: false);

        Assert.Equal(PacketLayer.Tcp, packet.Layer);
        Assert.Equal(IpAddr.Parse("10.0.0.1"), packet.Source);
        Assert.Equal(IpAddr.Parse("10.0.0.2"), packet.Destination);
        Assert.Equal((40312, 80), (packet.SourcePort, packet.DestinationPort));
        Assert.Equal("02:00:00:00:00:01", packet.SourceMac.ToString());
        Assert.Equal("TCP Flags: SYN, ACK", PacketSummary.Of(packet));
    }

    [Fact]
    public void Flags_are_named_in_the_order_of_upstream()
    {
        var all = (TcpFlags)0x1ff;
        var packet = PacketParser.Parse(PacketBytes.Tcp("10.0.0.1", 1, "10.0.0.2", 2, all), isL3Device: false);

        Assert.Equal("TCP Flags: SYN, ACK, RST, FIN, PSH, URG, ECE, CWR, NS", PacketSummary.Of(packet));
    }

    [Fact]
    public void IPv6_extension_headers_are_passed()
    {
        byte[] hopByHop = [60, 0, 0, 0, 0, 0, 0, 0];
        byte[] destination = [17, 0, 0, 0, 0, 0, 0, 0];
        byte[] udp = [0x12, 0x34, 0x00, 0x35, 0, 8, 0, 0];
        var packet = PacketParser.Parse(PacketBytes.Ip("fd00::1", "fd00::2", 0, [.. hopByHop, .. destination, .. udp]), isL3Device: false);

        Assert.Equal(PacketLayer.Udp, packet.Layer);
        Assert.Equal((0x1234, 53), (packet.SourcePort, packet.DestinationPort));
    }

    [Fact]
    public void A_later_fragment_has_no_ports()
    {
        var bytes = PacketBytes.Udp("10.0.0.1", 1000, "10.0.0.2", 2000);
        bytes[14 + 7] = 1;

        var packet = PacketParser.Parse(bytes, isL3Device: false);

        Assert.True(packet.IsLaterFragment);
        Assert.Equal(PacketLayer.Ip, packet.Layer);
    }

    [Fact]
    public void A_packet_of_a_device_without_Ethernet_begins_with_IP()
    {
        var packet = PacketParser.Parse(PacketBytes.Udp("10.0.0.1", 1000, "10.0.0.2", 2000).AsSpan(14), isL3Device: true);

        Assert.False(packet.HasEthernet);
        Assert.Equal(PacketLayer.Udp, packet.Layer);
    }

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.2", 8, 0, "ICMPv4 EchoRequest")]
    [InlineData("10.0.0.1", "10.0.0.2", 3, 3, "ICMPv4 DestinationUnreachable(Port)")]
    [InlineData("10.0.0.1", "10.0.0.2", 11, 0, "ICMPv4 TimeExceeded(TTLExceeded)")]
    [InlineData("10.0.0.1", "10.0.0.2", 77, 1, "ICMPv4 77(1)")]
    [InlineData("fd00::1", "fd00::2", 128, 0, "ICMPv6 EchoRequest")]
    [InlineData("fd00::1", "fd00::2", 135, 0, "ICMPv6 NeighborSolicitation")]
    public void Icmp_is_named(string source, string destination, byte type, byte code, string summary) =>
        Assert.Equal(summary, PacketSummary.Of(PacketParser.Parse(PacketBytes.Icmp(source, destination, type, code), isL3Device: false)));

    [Fact]
    public void Vlan_tags_are_passed()
    {
        var bytes = PacketBytes.Udp("10.0.0.1", 1000, "10.0.0.2", 2000);
        byte[] tagged = [.. bytes.AsSpan(0, 12), 0x81, 0x00, 0x00, 0x05, .. bytes.AsSpan(12)];

        Assert.Equal(PacketLayer.Udp, PacketParser.Parse(tagged, isL3Device: false).Layer);
    }

    [Property(MaxTest = 2000)]
    public void Any_bytes_are_survived(byte[] bytes, bool isL3Device)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        Assert.NotNull(PacketSummary.Of(PacketParser.Parse(bytes, isL3Device)));
    }

    [Property(MaxTest = 2000)]
    public void A_packet_with_any_damage_is_survived(int seed)
    {
        var random = new Random(seed);
        byte[][] packets =
        [
            PacketBytes.Tcp("10.0.0.1", 1, "10.0.0.2", 2, TcpFlags.Syn), PacketBytes.Udp("fd00::1", 1, "fd00::2", 2),
            PacketBytes.Icmp("fd00::1", "fd00::2", 1, 4), PacketBytes.Ip("fd00::1", "fd00::2", 0, new byte[60]),
        ];
        var bytes = packets[random.Next(packets.Length)][..];
        for (var i = random.Next(6); i > 0; i--)
        {
            bytes[random.Next(12, bytes.Length)] = (byte)random.Next(256);
        }

        var packet = PacketParser.Parse(bytes.AsSpan(0, random.Next(bytes.Length + 1)), random.Next(4) == 0);
        Assert.NotNull(PacketSummary.Of(packet));
    }
}
