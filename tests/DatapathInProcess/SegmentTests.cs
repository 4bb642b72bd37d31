using System.Buffers.Binary;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using static Cilium.DatapathTests.TestObject;

namespace Cilium.DatapathTests;

/// <summary>What programs may do with a packet that stands for several, when it is known of what: a test run does not say.</summary>
public sealed class SegmentTests
{
    private const int Tcp = 6, Udp = 17;
    private const int NotSupported = -524;
    private const int FixedGso = 1, EncapsulateIPv4 = 2, EncapsulateUdp = 16;

    [Theory]
    [InlineData(Tcp, 20, 0, 980, 0)]
    [InlineData(Tcp, 20, FixedGso, 1000, 0)]
    [InlineData(Tcp, -20, 0, 1020, 0)]
    [InlineData(Udp, 20, FixedGso, 1000, 0)]
    [InlineData(Udp, 20, 0, 1000, NotSupported)]
    [InlineData(Udp, -20, 0, 1000, NotSupported)]
    public void Room_between_headers_is_taken_from_the_segments_of_a_stream_and_not_from_datagrams(byte protocol, int room, int flags, int size, int result)
    {
        using var packet = Packet(protocol, 3000);
        Assert.Equal(result, Adjust(packet, room, flags));
        Assert.Equal((size, result == 0 ? 0 : 3), (packet.GsoSize, packet.GsoSegments));
    }

    [Fact]
    public void Headers_around_a_packet_count_for_each_of_its_segments()
    {
        using var packet = Packet(Tcp, 3000);
        Assert.Equal(40 + 1000, packet.SegmentBytes);
        Assert.Equal(0, Adjust(packet, 50, FixedGso | EncapsulateIPv4 | EncapsulateUdp));
        Assert.Equal((50, 50 + 40 + 1000), (packet.OuterBytes, packet.SegmentBytes));
        Assert.Equal(0, Adjust(packet, -50, FixedGso));
        Assert.Equal((0, 40 + 1000), (packet.OuterBytes, packet.SegmentBytes));
        packet.GsoSize = 5000;
        Assert.Equal(40 + 3000, packet.SegmentBytes);
        packet.Load(new byte[60]);
        Assert.Equal((0, 0, 46), (packet.GsoSize, packet.OuterBytes, packet.SegmentBytes));
    }

    [Theory]
    [InlineData(6, 0x50, true, 40 + 8 + 20)]
    [InlineData(6, 0x80, true, 40 + 8 + 32)]
    [InlineData(6, 0x40, false, 0)]
    [InlineData(17, 0, true, 40 + 8 + 8)]
    [InlineData(58, 0, false, 0)]
    [InlineData(44, 0, false, 0)]
    public void Extension_headers_are_part_of_what_each_segment_repeats(byte protocol, byte length, bool isSegmented, int bytes)
    {
        var network = new byte[40 + 8 + 40];
        (network[0], network[6], network[40], network[60]) = (0x60, 0, protocol, length);
        Assert.Equal(isSegmented, SegmentHeaders.TryRead(network, out var found, out var of));
        if (isSegmented)
            Assert.Equal((bytes, protocol), (found, of));
        Assert.False(SegmentHeaders.TryRead(network.AsSpan(0, 50), out _, out _));
        Assert.False(SegmentHeaders.TryRead(network.AsSpan(0, 44), out _, out _));
    }

    private static BpfPacket Packet(byte protocol, int payload)
    {
        var l4 = protocol == Tcp ? 20 : 8;
        var frame = new byte[14 + 20 + l4 + payload];
        (frame[12], frame[13], frame[14], frame[14 + 9]) = (8, 0, 0x45, protocol);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(16), (ushort)(frame.Length - 14));
        if (protocol == Tcp)
            frame[14 + 32] = 0x50;
        var packet = new BpfPacket();
        packet.Load(frame);
        (packet.GsoSize, packet.GsoSegments) = (1000, 3);
        return packet;
    }

    private static int Adjust(BpfPacket packet, int room, int flags)
    {
        using var obj = BpfObject.Open("room", Build([
            Instruction(0xb7, 2, 0, 0, room), Instruction(0xb7, 3, 0, 0, 1), Instruction(0xb7, 4, 0, 0, flags), Instruction(0x85, 0, 0, 0, 50), Instruction(0x95)]),
            new InProcessEngine());
        obj.Load();
        using var program = obj.Program(TestObject.Program);
        return program.Run(packet);
    }
}
