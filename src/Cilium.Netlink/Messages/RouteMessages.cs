using System.Buffers.Binary;

namespace Cilium.Netlink.Messages;

/// <summary>Routes as messages.</summary>
internal static class RouteMessages
{
    private const int BodyBytes = 12;
    private const uint OnLink = 4;
    private const int NextHopBytes = 8;
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
        if (route.Gateway is not null)
            writer.Attribute(Attr.RouteGateway, route.Gateway);
        if (route.LinkIndex != 0)
            writer.Attribute(Attr.RouteOutput, (uint)route.LinkIndex);
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
                Attr.RouteMultipath => WithFirstHop(route, attributes.Value),
                _ => route,
            };
        }
        return route;
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

    private static Route WithFirstHop(Route route, ReadOnlySpan<byte> hops)
    {
        if (hops.Length < NextHopBytes)
            return route;
        var length = Math.Clamp((int)BinaryPrimitives.ReadUInt16LittleEndian(hops), NextHopBytes, hops.Length);
        route = route with { LinkIndex = BinaryPrimitives.ReadInt32LittleEndian(hops[4..]) };
        var attributes = new AttributeReader(hops[NextHopBytes..length]);
        while (attributes.Next())
        {
            if (attributes.Type == Attr.RouteGateway)
                route = route with { Gateway = attributes.Address };
        }
        return route;
    }
}
