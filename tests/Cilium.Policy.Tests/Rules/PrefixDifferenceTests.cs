using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Policy.Tests.Rules;

public sealed class PrefixDifferenceTests
{
    [Fact]
    public void One_hole_leaves_one_prefix_for_each_bit()
    {
        var parts = PrefixDifference.Subtract(Prefix.Parse("10.0.0.0/8"), [Prefix.Parse("10.1.0.0/16")]);
        Assert.Equal(8, parts.Count);
        Assert.Contains(Prefix.Parse("10.128.0.0/9"), parts);
        Assert.Contains(Prefix.Parse("10.0.0.0/16"), parts);
    }

    [Fact]
    public void A_hole_as_large_as_the_prefix_leaves_nothing() =>
        Assert.Empty(PrefixDifference.Subtract(Prefix.Parse("fd00::/64"), [Prefix.Parse("fd00::/48")]));

    [Fact]
    public void Too_many_parts_are_not_all_made()
    {
        var holes = Enumerable.Range(0, 64).Select(i => Prefix.Of(IpAddr.FromIPv4((uint)i << 26))).ToArray();
        Assert.Equal(64 * 26, PrefixDifference.Subtract(Prefix.Parse("0.0.0.0/0"), holes, 64 * 26).Count);
        Assert.Equal(101, PrefixDifference.Subtract(Prefix.Parse("0.0.0.0/0"), holes, 100).Count);
    }

    /// <summary>Half of what is left would be <c>::ffff:0:0/96</c>, the form in which IPv4 addresses travel: no IPv6 prefix.</summary>
    [Theory]
    [InlineData("::/0", "::fffe:0:1/128", 127)]
    [InlineData("::/64", "::fffe:0:0/96", 31)]
    public void A_hole_beside_the_mapped_addresses_leaves_them_out(string prefix, string hole, int count)
    {
        var parts = PrefixDifference.Subtract(Prefix.Parse(prefix), [Prefix.Parse(hole)]);
        Assert.Equal(count, parts.Count);
        Assert.All(parts, part => Assert.False(part.IsIPv4));
        Assert.DoesNotContain(parts, part => part.Overlaps(Prefix.Parse(hole)));
        Assert.Single(parts, part => part.Contains(IpAddr.Parse("::fffd:0:1")));
        Assert.Single(parts, part => part.Contains(IpAddr.Parse("::1:0:0:1")));
    }

    [Property]
    public void Parts_hold_exactly_the_addresses_outside_the_holes(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var prefix = new Prefix(IpAddr.Parse("10.1.2.0"), 24);
        var holes = Enumerable.Range(0, random.Next(5)).Select(_ => new Prefix(prefix.Address.Add((UInt128)random.Next(256)), random.Next(22, 33))).ToArray();
        var parts = PrefixDifference.Subtract(prefix, holes);
        for (var i = 0; i < 256; i++)
        {
            var address = prefix.Address.Add((UInt128)i);
            Assert.Equal(holes.Any(hole => hole.Contains(address)) ? 0 : 1, parts.Count(part => part.Contains(address)));
        }
    }
}
