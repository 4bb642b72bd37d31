using System.Buffers.Binary;
using System.Net;
using Cilium.Netlink.Native;

namespace Cilium.Netlink.Messages;

/// <summary>Addresses as messages.</summary>
internal static class AddressMessages
{
    private const int BodyBytes = 8;
    private const uint Secondary = 0x01;
    private const uint NoDuplicateDetection = 0x02;
    private const uint Tentative = 0x40;
    private const uint NoPrefixRoute = 0x200;

    internal static void Write(MessageWriter writer, InterfaceAddress address)
    {
        var isV6 = Families.IsV6(address.Address);
        var flags = (isV6 && address.SkipsDuplicateDetection ? NoDuplicateDetection : 0) | (address.AddsNoRoute ? NoPrefixRoute : 0);
        writer.Byte(Families.Number(address.Address)).Byte((byte)address.PrefixLength).Byte((byte)flags).Byte((byte)address.Scope)
            .I32(address.LinkIndex)
            .Attribute(Attr.AddressLocal, address.Address)
            .Attribute(Attr.AddressPeer, address.Address)
            .Attribute(Attr.AddressFlags, flags);
    }

    internal static InterfaceAddress? Parse(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < BodyBytes)
            return null;
        var flags = (uint)payload[2];
        IPAddress? local = null;
        IPAddress? peer = null;
        var attributes = new AttributeReader(payload[BodyBytes..]);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case Attr.AddressLocal:
                    local = attributes.Address;
                    break;
                case Attr.AddressPeer:
                    peer = attributes.Address;
                    break;
                case Attr.AddressFlags:
                    flags = attributes.Number;
                    break;
            }
        }
        // IPv6 addresses have no separate local attribute.
        return (local ?? peer) is not { } address ? null : new InterfaceAddress(BinaryPrimitives.ReadInt32LittleEndian(payload[4..]), address, payload[1])
        {
            Scope = (RouteScope)payload[3],
            SkipsDuplicateDetection = payload[0] != Libc.AfInet6 || (flags & NoDuplicateDetection) != 0,
            IsTentative = (flags & Tentative) != 0,
            IsSecondary = payload[0] == Libc.AfInet && (flags & Secondary) != 0,
            AddsNoRoute = (flags & NoPrefixRoute) != 0,
        };
    }
}
