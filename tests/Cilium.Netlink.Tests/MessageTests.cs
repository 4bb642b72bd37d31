using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Cilium.Netlink.Messages;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Cilium.Netlink.Tests;

public sealed class MessageTests
{
    [Property]
    public void Random_bytes_never_throw(byte[] bytes)
    {
        ParseEverything(bytes);
        var messages = new MessageReader(bytes);
        while (messages.Next())
        {
            _ = messages.Result;
            _ = messages.Reason();
            ParseEverything(messages.Payload);
        }
    }

    [Property]
    public void A_valid_message_with_random_damage_never_throws(int seed)
    {
        var random = new Random(seed);
        var writer = new MessageWriter();
        LinkMessages.WriteVxlan(writer.Begin(Rtm.NewLink, 0), new LinkSettings { Name = "vx0", Mtu = 1450 }, 8472);
        var bytes = writer.Finish(1).ToArray();
        for (var i = 0; i < 4; i++)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        ParseEverything(bytes.AsSpan(Nl.HeaderBytes));
    }

    [Property]
    public Property Routes_print_and_parse() => Prop.ForAll(Routes().ToArbitrary(), route =>
    {
        var writer = new MessageWriter();
        RouteMessages.Write(writer.Begin(Rtm.NewRoute, 0), route);
        return RouteMessages.Parse(Payload(writer)) == route;
    });

    [Fact]
    public void Links_print_and_parse()
    {
        var writer = new MessageWriter();
        LinkMessages.WriteVxlan(
            writer.Begin(Rtm.NewLink, 0), new LinkSettings { Name = "vx0", Mtu = 1450, IsUp = true, Mac = PhysicalAddress.Parse("020000000001") }, 8472);
        Assert.Equal(
            new Link
            {
                Index = 0,
                Name = "vx0",
                Kind = "vxlan",
                Mtu = 1450,
                IsUp = true,
                Mac = PhysicalAddress.Parse("020000000001"),
                VxlanPort = 8472,
                CollectsMetadata = true,
            },
            LinkMessages.Parse(Payload(writer)));
    }

    [Theory]
    [InlineData("10.0.0.1", 24)]
    [InlineData("fd00::1", 64)]
    public void Addresses_print_and_parse(string address, int prefixLength)
    {
        var writer = new MessageWriter();
        var row = new InterfaceAddress(7, IPAddress.Parse(address), prefixLength) { AddsNoRoute = true };
        AddressMessages.Write(writer.Begin(Rtm.NewAddress, 0), row);
        Assert.Equal(row, AddressMessages.Parse(Payload(writer)));
    }

    [Fact]
    public void Rules_and_neighbours_print_and_parse()
    {
        var writer = new MessageWriter();
        var rule = new RoutingRule(AddressFamily.InterNetworkV6, 9, 2004) { Mark = 0x200, Mask = 0xf00, Protocol = 4 };
        RuleMessages.Write(writer.Begin(Rtm.NewRule, 0), rule);
        Assert.Equal(rule, RuleMessages.Parse(Payload(writer)));
        var leaving = new RoutingRule(AddressFamily.InterNetwork, 111, 11) { Source = IPNetwork.Parse("10.0.1.7/32"), Destination = IPNetwork.Parse("10.0.0.0/16"), Protocol = 2 };
        RuleMessages.Write(writer.Begin(Rtm.NewRule, 0), leaving);
        Assert.Equal(leaving, RuleMessages.Parse(Payload(writer)));
        var neighbour = new Neighbour(3, IPAddress.Parse("fd00::7"), PhysicalAddress.Parse("020000000007"));
        NeighbourMessages.Write(writer.Begin(Rtm.NewNeighbour, 0), neighbour);
        Assert.Equal(neighbour, NeighbourMessages.Parse(Payload(writer)));
    }

    [Fact]
    public void The_kernels_reason_is_read_from_an_acknowledgement()
    {
        var writer = new MessageWriter();
        writer.Begin(Nl.Error, Nl.AckAttributes | Nl.Capped).I32(-22).U32(Nl.HeaderBytes).U32(0).U32(0).U32(0).Attribute(Nl.AckMessage, "Invalid thing");
        var messages = new MessageReader(writer.Finish(5));
        Assert.True(messages.Next());
        Assert.Equal((-22, "Invalid thing", 5u), (messages.Result, messages.Reason(), messages.Sequence));
        Assert.False(messages.Next());
    }

    private static ReadOnlySpan<byte> Payload(MessageWriter writer) => writer.Finish(1)[Nl.HeaderBytes..];

    private static void ParseEverything(ReadOnlySpan<byte> bytes)
    {
        _ = LinkMessages.Parse(bytes);
        _ = AddressMessages.Parse(bytes);
        _ = RouteMessages.Parse(bytes);
        _ = RuleMessages.Parse(bytes);
        _ = NeighbourMessages.Parse(bytes);
        _ = SocketMessages.Parse(bytes);
    }

    private static Gen<Route> Routes() =>
        from isV6 in Gen.Elements(true, false)
        from bytes in Gen.Choose(0, 255).Select(i => (byte)i).ArrayOf(isV6 ? 16 : 4)
        from length in Gen.Choose(0, isV6 ? 128 : 32)
        from table in Gen.Choose(1, 5000)
        from mtu in Gen.Choose(0, 9000)
        from index in Gen.Choose(0, 100)
        from onLink in Gen.Elements(true, false)
        let address = new IPAddress(bytes)
        select new Route
        {
            Destination = Families.Network(Families.Number(address), address, length)!.Value,
            Gateway = onLink ? address : null,
            Source = address,
            LinkIndex = index,
            Table = table,
            Mtu = mtu == 0 ? null : mtu,
            Priority = mtu,
            Scope = RouteScope.Site,
            Type = RouteType.Unicast,
            Protocol = 30,
            IsOnLink = onLink,
        };
}
