using Cilium.ControlPlane.Configuration;
using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.ControlPlane.Tests.Configuration;

public sealed class PoolKeysTests
{
    [Fact]
    public void Pools_are_read_as_the_chart_writes_them()
    {
        var pools = PoolKeys.ParsePools(
            "default=ipv4-cidrs:10.10.0.0/16,10.11.0.0/16;ipv4-mask-size:27;ipv6-cidrs:fd00::/104;ipv6-mask-size:120 other=ipv4-cidrs:10.20.0.0/16;ipv4-mask-size:24", out var problem);
        Assert.Null(problem);
        Assert.Equal(
            [
                new PoolDefinition(
                    "default",
                    new PoolFamily(EquatableArray.Create([Prefix.Parse("10.10.0.0/16"), Prefix.Parse("10.11.0.0/16")]), 27),
                    new PoolFamily([Prefix.Parse("fd00::/104")], 120)),
                new PoolDefinition("other", new PoolFamily([Prefix.Parse("10.20.0.0/16")], 24), null),
            ],
            pools!);
    }

    [Theory]
    [InlineData("default", "'default' is not a pool=fields")]
    [InlineData("p=cidr:10.0.0.0/8", "pool 'p': 'cidr:10.0.0.0/8' is none of ipv4-cidrs, ipv4-mask-size, ipv6-cidrs, ipv6-mask-size")]
    [InlineData("p=ipv4-cidrs:fd00::/64;ipv4-mask-size:27", "pool 'p': 'fd00::/64' is not an ipv4 CIDR prefix")]
    [InlineData("p=ipv4-cidrs:10.0.0.0/8;ipv4-mask-size:33", "pool 'p': ipv4-mask-size must be from 1 to 32")]
    public void What_is_wrong_is_named(string text, string expected)
    {
        Assert.Null(PoolKeys.ParsePools(text, out var problem));
        Assert.Equal(expected, problem);
    }

    [Fact]
    public void Numbers_by_pool_are_read()
    {
        Assert.Equal(new Dictionary<string, int> { ["default"] = 8, ["acme"] = 0 }, PoolKeys.ParseCounts("default=8, acme=0", out _));
        Assert.Null(PoolKeys.ParseCounts("default=x", out var problem));
        Assert.Equal("'default=x' is not a pool=number", problem);
    }
}
