using System.Buffers.Binary;
using System.Net;

namespace Cilium.Netlink.Messages;

/// <summary>Routes as messages.</summary>
internal static class RouteMessages
{
    private const int BodyBytes = 12;
    private const uint OnLink = 4;
    private const int NextHopBytes = 8;
    private const int AttributeHeaderBytes = 4;
    private const uint Cloned = 0x200;

    internal static void Write(MessageWriter writer, Route route)
    {
        var scope = route.Scope ?? route.Type switch
        {
            RouteType.Local => RouteScope.Host,
            RouteType.Unicast when route.Gateway is null && !Families.IsV6(route.Destination.BaseAddress) => RouteScope.Link,
            _ => RouteScope.Universe,
        };
        writer.Byte(Families.Number(route.Destination.BaseAddress)).Byte((byte)route.Destination.PrefixLength).Byte(0).Byte(0)
            .Byte((byte)(route.Table < 256 ? route.Table : 0)).Byte(route.Protocol).Byte((byte)scope).Byte((byte)route.Type)
            .U32(route.IsOnLink ? OnLink : 0);
        if (route.Destination.PrefixLength > 0)
            writer.Attribute(Attr.RouteDestination, route.Destination.BaseAddress);
        if (route.Table >= 256)
            writer.Attribute(Attr.RouteTable, (uint)route.Table);
        if (route.OtherHops is not null)
        {
            var hops = writer.BeginNest(Attr.RouteMultipath);
            for (var hop = new NextHop(route.LinkIndex, route.Gateway, route.OtherHops); hop is not null; hop = hop.Others)
                WriteHop(writer, hop, route.IsOnLink);
            writer.EndNest(hops);
        }
        else
        {
            if (route.Gateway is not null)
                writer.Attribute(Attr.RouteGateway, route.Gateway);
            if (route.LinkIndex != 0)
                writer.Attribute(Attr.RouteOutput, (uint)route.LinkIndex);
        }
        if (route.Source is not null)
            writer.Attribute(Attr.RouteSource, route.Source);
        if (route.Priority is { } priority)
            writer.Attribute(Attr.RoutePriority, (uint)priority);
        if (route.Mtu is { } mtu)
        {
            var metrics = writer.BeginNest(Attr.RouteMetrics);
            writer.Attribute(Attr.MetricMtu, (uint)mtu).EndNest(metrics);
        }
    }

    internal static Route? Parse(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < BodyBytes)
            return null;
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]);
        if ((flags & Cloned) != 0 || Families.Network(payload[0], null, payload[1]) is not { } everything)
            return null;
        var route = new Route
        {
            Destination = everything,
            Table = payload[4],
            Protocol = payload[5],
            Scope = (RouteScope)payload[6],
            Type = (RouteType)payload[7],
            IsOnLink = (flags & OnLink) != 0,
        };
        var attributes = new AttributeReader(payload[BodyBytes..]);
        while (attributes.Next())
        {
            route = attributes.Type switch
            {
                Attr.RouteDestination => route with { Destination = Families.Network(payload[0], attributes.Address, payload[1]) ?? everything },
                Attr.RouteTable => route with { Table = (int)attributes.Number },
                Attr.RouteGateway => route with { Gateway = attributes.Address },
                Attr.RouteOutput => route with { LinkIndex = (int)attributes.Number },
                Attr.RouteSource => route with { Source = attributes.Address },
                Attr.RoutePriority => route with { Priority = (int)attributes.Number },
                Attr.RouteMetrics => route with { Mtu = Mtu(attributes.Value) },
                Attr.RouteMultipath => WithHops(route, attributes.Value),
                _ => route,
            };
        }
        return route;
    }

    // struct rtnexthop: length, flags, weight less one, device; then attributes.
    private static void WriteHop(MessageWriter writer, NextHop hop, bool isOnLink)
    {
        Span<byte> address = stackalloc byte[16];
        var bytes = 0;
        hop.Gateway?.TryWriteBytes(address, out bytes);
        writer.U16((ushort)(NextHopBytes + (bytes > 0 ? AttributeHeaderBytes + bytes : 0))).Byte(isOnLink ? (byte)OnLink : (byte)0).Byte(0).I32(hop.LinkIndex);
        if (bytes > 0)
            writer.Attribute(Attr.RouteGateway, address[..bytes]);
    }

    private static int? Mtu(ReadOnlySpan<byte> metrics)
    {
        var attributes = new AttributeReader(metrics);
        while (attributes.Next())
        {
            if (attributes.Type == Attr.MetricMtu)
                return (int)attributes.Number;
        }
        return null;
    }

    private static Route WithHops(Route route, ReadOnlySpan<byte> hops)
    {
        var first = FirstHop(hops);
        return first is null ? route : route with { LinkIndex = first.LinkIndex, Gateway = first.Gateway, OtherHops = first.Others };
    }

    // The first and, behind it, the others; a malformed rest ends the list.
    private static NextHop? FirstHop(ReadOnlySpan<byte> hops)
    {
        var found = new List<(int Link, IPAddress? Gateway)>();
        while (hops.Length >= NextHopBytes)
        {
            var length = Math.Clamp((int)BinaryPrimitives.ReadUInt16LittleEndian(hops), NextHopBytes, hops.Length);
            IPAddress? gateway = null;
            var attributes = new AttributeReader(hops[NextHopBytes..length]);
            while (attributes.Next())
            {
                if (attributes.Type == Attr.RouteGateway)
                    gateway = attributes.Address;
            }
            found.Add((BinaryPrimitives.ReadInt32LittleEndian(hops[4..]), gateway));
            hops = hops[Math.Min((length + 3) & ~3, hops.Length)..];
        }
        NextHop? all = null;
        for (var i = found.Count - 1; i >= 0; i--)
            all = new NextHop(found[i].Link, found[i].Gateway, all);
        return all;
    }
}
