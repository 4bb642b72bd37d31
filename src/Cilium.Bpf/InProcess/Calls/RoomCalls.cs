using System.Buffers.Binary;
using Cilium.Bpf.InProcess.Contexts;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Room between the headers of a packet, for headers of a tunnel to come and go (<c>bpf_skb_adjust_room</c>).</summary>
/// <remarks>Refusals are those of Linux 6.18, net/core/filter.c. Checksums that a device completes stay its own business.</remarks>
internal static class RoomCalls
{
    private const int EthernetBytes = 14;
    private const int IPv4Bytes = 20;
    private const int IPv6Bytes = 40;
    private const int LargestRoom = 0xFFF;
    private const int LargestPacket = 65536 + EthernetBytes;
    private const ushort IPv4 = 0x0800;
    private const ushort IPv6 = 0x86DD;
    private const uint AtNetworkHeader = 0;
    private const uint AtMacHeader = 1;
    private const ulong FixedGso = 1 << 0;
    private const ulong EncapsulateIPv4 = 1 << 1;
    private const ulong EncapsulateIPv6 = 1 << 2;
    private const ulong EncapsulateGre = 1 << 3;
    private const ulong EncapsulateUdp = 1 << 4;
    private const ulong NoChecksumReset = 1 << 5;
    private const ulong EncapsulateEthernet = 1 << 6;
    private const ulong DecapsulateIPv4 = 1 << 7;
    private const ulong DecapsulateIPv6 = 1 << 8;
    private const int InnerLinkShift = 56;
    private const ulong InnerLinkMask = 0xFFUL << InnerLinkShift;
    private const ulong Encapsulate = EncapsulateIPv4 | EncapsulateIPv6 | EncapsulateGre | EncapsulateUdp | EncapsulateEthernet | InnerLinkMask;
    private const ulong Decapsulate = DecapsulateIPv4 | DecapsulateIPv6;

    internal static ulong Adjust(Machine m, ulong context, ulong difference, ulong mode, ulong flags, ulong e)
    {
        var packet = SkbCalls.PacketOf(m, context);
        var room = (int)difference;
        var result = Check(packet, room, (uint)mode, flags, out var offset);
        if (result == 0 && !packet.MoveTail(offset, room))
            result = -Errno.NoMemory;
        if (result != 0)
            return unchecked((ulong)result);
        if (room > 0 && (flags & Encapsulate) != 0)
        {
            packet.IsEncapsulated = true;
            packet.OuterBytes += room;
        }
        else if (room < 0)
        {
            packet.OuterBytes = Math.Max(0, packet.OuterBytes + room);
        }
        ChangeSegments(packet, room, flags);
        Become(packet, room > 0 ? flags & EncapsulateIPv4 : flags & DecapsulateIPv4, room > 0 ? flags & EncapsulateIPv6 : flags & DecapsulateIPv6);
        m.PacketChanged();
        return 0;
    }

    private static int Check(BpfPacket packet, int room, uint mode, ulong flags, out int offset)
    {
        offset = EthernetBytes;
        if ((flags & ~(FixedGso | Encapsulate | Decapsulate | NoChecksumReset)) != 0)
            return -Errno.Invalid;
        if (Math.Abs((long)room) > LargestRoom)
            return -Errno.Fault;
        var protocol = ProtocolOf(packet);
        if (protocol is not (IPv4 or IPv6) || mode is not (AtNetworkHeader or AtMacHeader))
            return -Errno.NotSupported;
        var least = protocol == IPv4 ? IPv4Bytes : IPv6Bytes;
        if (mode == AtNetworkHeader)
            offset += least;
        if ((flags & Decapsulate) != 0)
        {
            if (room >= 0 || (flags & Decapsulate) == Decapsulate)
                return -Errno.Invalid;
            least = (flags & DecapsulateIPv4) != 0 ? IPv4Bytes : IPv6Bytes;
        }
        var isSegmented = packet.U32(SkbFields.GsoSize) != 0;
        var left = packet.Length - EthernetBytes + room;
        if (room < 0 ? left <= 0 || left < least : packet.Length + room > LargestPacket && !isSegmented)
            return -Errno.NotSupported;
        if (room < 0 && (flags & Encapsulate) != 0)
            return -Errno.Invalid;
        if (isSegmented && !CanChangeSegments(packet, flags))
            return -Errno.NotSupported;
        return room < 0 ? 0 : CheckEncapsulation(packet, room, flags);
    }

    /// <summary>Segments of a stream may become shorter or longer; datagrams stay what they are.</summary>
    private static bool CanChangeSegments(BpfPacket packet, ulong flags) => !packet.IsGsoUntyped && packet.TryReadSegmentHeaders(out _, out var protocol)
        && (protocol == SegmentHeaders.Tcp || (flags & FixedGso) != 0);

    private static void ChangeSegments(BpfPacket packet, int room, ulong flags)
    {
        if (packet.GsoSize == 0)
            return;
        if ((flags & FixedGso) == 0)
            packet.GsoSize -= room;
        packet.GsoSegments = 0;
    }

    private static int CheckEncapsulation(BpfPacket packet, int room, ulong flags)
    {
        if ((flags & Encapsulate) == 0)
            return 0;
        var innerLink = (int)(flags >> InnerLinkShift);
        if ((flags & (EncapsulateIPv4 | EncapsulateIPv6)) == (EncapsulateIPv4 | EncapsulateIPv6)
            || (flags & (EncapsulateGre | EncapsulateUdp)) == (EncapsulateGre | EncapsulateUdp)
            || ((flags & EncapsulateEthernet) != 0 && innerLink < EthernetBytes))
        {
            return -Errno.Invalid;
        }
        if (packet.IsEncapsulated)
            return -Errno.Already;
        return innerLink > room ? -Errno.Invalid : 0;
    }

    private static ushort ProtocolOf(BpfPacket packet) => BinaryPrimitives.ReadUInt16BigEndian(packet.Field(SkbFields.Protocol, 2));

    private static void Become(BpfPacket packet, ulong toIPv4, ulong toIPv6)
    {
        var now = ProtocolOf(packet);
        if (now == IPv4 && toIPv6 != 0)
            BinaryPrimitives.WriteUInt16BigEndian(packet.Field(SkbFields.Protocol, 2), IPv6);
        else if (now == IPv6 && toIPv4 != 0)
            BinaryPrimitives.WriteUInt16BigEndian(packet.Field(SkbFields.Protocol, 2), IPv4);
    }
}
