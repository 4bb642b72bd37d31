using System.Buffers.Binary;
using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>Questions for Ethernet addresses and answers to them. Sources: RFC 826 (ARP), RFC 4861 (neighbour discovery).</summary>
internal static class AddressResolution
{
    private const int ArpBytes = 28;
    private const byte Solicitation = 135;
    private const byte Advertisement = 136;
    private const byte SourceOption = 1;
    private const byte TargetOption = 2;
    private const byte NoHopCounted = 255;
    private const uint Solicited = 0x6000_0000;
    private const ushort Request = 1;
    private const ushort Reply = 2;

    /// <summary>The question for an address, or null where the device has no address to ask from.</summary>
    internal static byte[]? Question(VirtualInterface device, IpAddr address)
    {
        var own = device.Namespace.SourceOn(device, address);
        if (address.IsIPv4)
            return Arp(Request, device.Mac, own.IsNone ? IpAddr.FromIPv4(0) : own, default, address, new MacAddress(0xFFFF_FFFF_FFFF));
        if (own.IsNone)
            return null;
        var group = SolicitedGroup(address);
        var frame = Message(own, group, Solicitation, 0, address, SourceOption, device.Mac);
        // RFC 2464: a group's Ethernet address ends in the last four bytes of the group.
        new MacAddress(0x3333_0000_0000UL | (uint)group.Lo).WriteBytes(frame);
        device.Mac.WriteBytes(frame.AsSpan(6));
        return frame;
    }

    /// <summary>Learns from an ARP packet, and answers it when it asks for an address of the namespace.</summary>
    internal static void HandleArp(VirtualInterface device, ReadOnlySpan<byte> frame)
    {
        if (frame.Length < IpPacket.EthernetBytes + ArpBytes)
            return;
        var arp = frame[IpPacket.EthernetBytes..];
        var (operation, sender) = (BinaryPrimitives.ReadUInt16BigEndian(arp[6..]), IpAddr.FromNetworkBytes(arp.Slice(14, 4)));
        var (mac, target) = (MacAddress.FromBytes(arp.Slice(8, 6)), IpAddr.FromNetworkBytes(arp.Slice(24, 4)));
        if (operation == Reply)
        {
            device.Namespace.Neighbours.Set(device, sender, mac);
            return;
        }
        if (operation != Request || !device.Namespace.IsLocal(target))
            return;
        if (sender.IPv4Value != 0)
            device.Namespace.Neighbours.Set(device, sender, mac);
        Answer(device, Arp(Reply, device.Mac, target, mac, sender, mac));
    }

    /// <summary>Learns from a message of neighbour discovery, and answers; false when it is another message.</summary>
    internal static bool TryHandle(VirtualInterface device, in IpPacket ip)
    {
        if (ip.Protocol != FrameWriter.IcmpV6 || ip.Payload.Length < 24 || ip.Payload[0] is not (Solicitation or Advertisement))
            return false;
        var message = ip.Payload;
        var target = IpAddr.FromNetworkBytes(message.Slice(8, 16));
        if (ip.Ttl != NoHopCounted || MacOf(message[24..], message[0] == Solicitation ? SourceOption : TargetOption) is not { } mac)
            return true;
        if (message[0] == Advertisement)
        {
            device.Namespace.Neighbours.Set(device, target, mac);
            return true;
        }
        if (!device.Namespace.IsLocal(target))
            return true;
        device.Namespace.Neighbours.Set(device, ip.Source, mac);
        var frame = Message(target, ip.Source, Advertisement, Solicited, target, TargetOption, device.Mac);
        mac.WriteBytes(frame);
        device.Mac.WriteBytes(frame.AsSpan(6));
        Answer(device, frame);
        return true;
    }

    /// <summary>The group that the owner of an address listens to.</summary>
    internal static IpAddr SolicitedGroup(IpAddr address) => new(0xFF02_0000_0000_0000, 0x0000_0001_FF00_0000 | (address.Lo & 0xFF_FFFF));

    private static void Answer(VirtualInterface device, byte[] frame) => device.Fabric.Leave(device.Fabric.Take(frame), device);

    private static byte[] Arp(ushort operation, MacAddress senderMac, IpAddr sender, MacAddress targetMac, IpAddr target, MacAddress to)
    {
        var frame = new byte[IpPacket.EthernetBytes + ArpBytes];
        to.WriteBytes(frame);
        senderMac.WriteBytes(frame.AsSpan(6));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), IpPacket.ArpType);
        var arp = frame.AsSpan(IpPacket.EthernetBytes);
        BinaryPrimitives.WriteUInt16BigEndian(arp, 1);
        BinaryPrimitives.WriteUInt16BigEndian(arp[2..], IpPacket.IPv4Type);
        arp[4] = 6;
        arp[5] = 4;
        BinaryPrimitives.WriteUInt16BigEndian(arp[6..], operation);
        senderMac.WriteBytes(arp[8..]);
        BinaryPrimitives.WriteUInt32BigEndian(arp[14..], sender.IPv4Value);
        targetMac.WriteBytes(arp[18..]);
        BinaryPrimitives.WriteUInt32BigEndian(arp[24..], target.IPv4Value);
        return frame;
    }

    private static byte[] Message(IpAddr source, IpAddr destination, byte type, uint flags, IpAddr target, byte option, MacAddress mac)
    {
        Span<byte> data = stackalloc byte[24];
        target.WriteNetworkBytes(data);
        data[16] = option;
        data[17] = 1;
        mac.WriteBytes(data[18..]);
        return FrameWriter.IcmpMessage(source, destination, type, 0, flags, data, NoHopCounted);
    }

    private static MacAddress? MacOf(ReadOnlySpan<byte> options, byte wanted)
    {
        while (options.Length >= 8)
        {
            var bytes = options[1] * 8;
            if (bytes == 0 || bytes > options.Length)
                return null;
            if (options[0] == wanted)
                return MacAddress.FromBytes(options.Slice(2, 6));
            options = options[bytes..];
        }
        return null;
    }
}
