using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Core.Tests.Addressing;

public sealed class PrefixTests
{
    [Property]
    public bool Printing_and_parsing_gives_the_same_prefix(uint address, byte length)
    {
        var prefix = new Prefix(IpAddr.FromIPv4(address), length % 33);
        return Prefix.Parse(prefix.ToString()) == prefix;
    }

    [Property]
    public bool A_prefix_holds_its_first_and_last_address_and_not_their_neighbours(ulong hi, ulong lo, byte length)
    {
        var prefix = new Prefix(new IpAddr(hi | 1UL << 62, lo), (length % 128) + 1);
        return prefix.Contains(prefix.Address)
            && prefix.Contains(prefix.LastAddress)
            && !prefix.Contains(prefix.LastAddress.Add(1))
            && !prefix.Contains(prefix.Address.Add(UInt128.MaxValue));
    }

    [Property]
    public bool Containment_is_agreed_with_by_comparing_bits(uint left, uint right, byte length)
    {
        var bits = length % 33;
        var mask = bits == 0 ? 0u : uint.MaxValue << (32 - bits);
        return new Prefix(IpAddr.FromIPv4(left), bits).Contains(IpAddr.FromIPv4(right)) == ((left & mask) == (right & mask));
    }

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0.0/08")]
    [InlineData("10.0.0.0")]
    [InlineData("::/129")]
    [InlineData("/8")]
    public void What_is_no_prefix_is_refused(string text) => Assert.False(Prefix.TryParse(text, out _));

    [Fact]
    public void Families_never_contain_each_other()
    {
        Assert.False(Prefix.Parse("::/0").Contains(IpAddr.Parse("10.0.0.1")));
        Assert.False(Prefix.Parse("0.0.0.0/0").Contains(IpAddr.Parse("fd00::1")));
        Assert.True(Prefix.Parse("::/0").Contains(IpAddr.Parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
    }

    [Fact]
    public void Host_bits_are_cleared() => Assert.Equal("10.1.2.0/24", Prefix.Parse("10.1.2.3/24").ToString());
}
