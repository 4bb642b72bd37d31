using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;

namespace Cilium.Netlink.Messages;

/// <summary>Neighbours as messages.</summary>
internal static class NeighbourMessages
{
    private const int BodyBytes = 12;

    internal static void Write(MessageWriter writer, Neighbour neighbour)
    {
        writer.Byte(Families.Number(neighbour.Address)).Byte(0).U16(0).I32(neighbour.LinkIndex).U16((ushort)neighbour.State).Byte(0).Byte(0)
            .Attribute(Attr.NeighbourAddress, neighbour.Address);
        if (neighbour.Mac is { } mac)
            writer.Attribute(Attr.NeighbourMac, mac.GetAddressBytes());
    }

    internal static Neighbour? Parse(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < BodyBytes)
            return null;
        IPAddress? address = null;
        PhysicalAddress? mac = null;
        var attributes = new AttributeReader(payload[BodyBytes..]);
        while (attributes.Next())
        {
            if (attributes.Type == Attr.NeighbourAddress)
                address = attributes.Address;
            else if (attributes.Type == Attr.NeighbourMac)
                mac = new PhysicalAddress(attributes.Value.ToArray());
        }
        return address is null ? null : new Neighbour(
            BinaryPrimitives.ReadInt32LittleEndian(payload[4..]), address, mac, (NeighbourState)BinaryPrimitives.ReadUInt16LittleEndian(payload[8..]));
    }
}
