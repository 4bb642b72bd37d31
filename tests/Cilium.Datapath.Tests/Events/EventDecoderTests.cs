using System.Runtime.InteropServices;
using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using FsCheck.Xunit;

namespace Cilium.Datapath.Tests.Events;

public sealed class EventDecoderTests
{
    [Property]
    public void Random_bytes_never_throw(byte[] bytes)
    {
        if (EventDecoder.TryDecode(bytes, out _, out var packet))
            Assert.True(packet.Length < bytes.Length);
        foreach (var type in new byte[] { 1, 4, 5, 7 })
        {
            var longer = new byte[200];
            bytes.AsSpan(0, Math.Min(bytes.Length, 199)).CopyTo(longer.AsSpan(1));
            longer[0] = type;
            Assert.True(EventDecoder.TryDecode(longer, out var decoded, out _));
            Assert.Equal(type, (byte)decoded.Type);
        }
    }

    [Fact]
    public void A_drop_is_read_with_its_packet()
    {
        var header = new PacketEventHeader(
            EventType.Drop, 133, 7, 0, 12345, 98, 3, 1, PacketEventFlags.IPv6, 1000, 1001, 8, 42, 0, 0, 0, 0, 0, TraceReason.New,
            MetricDirection.Ingress, SourceFile.Lxc, 77, -5, 0, IpAddr.Parse("fd00::1").ToMap());
        var record = new byte[200];
        MemoryMarshal.Write(record, in header);
        record[72] = 0xaa;
        Assert.True(EventDecoder.TryDecode(record, out var decoded, out var packet));
        Assert.Equal([0xaa, 0, 0], packet.ToArray());
        Assert.Equal(
            (DatapathEventType.Drop, (byte)133, 12345ul, new EndpointId(7), new EndpointId(8), new Identity(1000), new Identity(1001), 42, 98u, (ushort)77, (sbyte)-5, true),
            (decoded.Type, decoded.SubType, decoded.MonotonicNs, decoded.Source, decoded.Destination, decoded.SourceIdentity, decoded.DestinationIdentity,
                decoded.InterfaceIndex, decoded.OriginalLength, decoded.Line, decoded.ExtendedError, decoded.IsIPv6));
        Assert.Equal(IpAddr.Parse("fd00::1"), decoded.OriginalAddress);
    }

    [Fact]
    public void A_verdict_tells_direction_and_match()
    {
        var header = default(PacketEventHeader) with { Type = EventType.PolicyVerdict, PolicyFlags = 2 | (3 << 3), Verdict = -133, DestinationPort = 80, Protocol = 6 };
        var record = new byte[72];
        MemoryMarshal.Write(record, in header);
        Assert.True(EventDecoder.TryDecode(record, out var decoded, out var packet));
        Assert.Equal(
            (TrafficDirection.Egress, (byte)3, -133, (ushort)80, L4Protocol.Tcp),
            (decoded.Direction, decoded.MatchType, decoded.Verdict, decoded.DestinationPort, decoded.Protocol));
        Assert.True(packet.IsEmpty);
    }
}
