using System.Net;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Core.Tests.Addressing;

public sealed class IpAddrTests
{
    [Property]
    public bool Printing_and_parsing_gives_the_same_address(ulong hi, ulong lo)
    {
        var address = new IpAddr(hi, lo);
        return IpAddr.Parse(address.ToString()) == address;
    }

    [Property]
    public bool An_IPv4_address_survives_text_and_bytes(uint value)
    {
        var address = IpAddr.FromIPv4(value);
        return address.IsIPv4
            && IpAddr.Parse(address.ToString()) == address
            && IpAddr.FromNetworkBytes(address.ToFamilyBytes()) == address
            && address.ToIPAddress().Equals(new IPAddress(address.ToFamilyBytes()));
    }

    [Property]
    public bool Parsing_any_text_never_throws(string? text)
    {
        _ = IpAddr.TryParse(text, out _);
        _ = Prefix.TryParse(text, out _);
        _ = MacAddress.TryParse(text, out _);
        return true;
    }

    [Theory]
    [InlineData("1")]
    [InlineData("1.2.3")]
    [InlineData("1.2.3.4.5")]
    [InlineData("0x7f.0.0.1")]
    [InlineData("1.2.3.256")]
    [InlineData("010.0.0.1")]
    [InlineData("1.2.3.")]
    [InlineData("1..2.3")]
    [InlineData("1.2.3.4444")]
    [InlineData("1.2.3.4 ")]
    [InlineData("fe80::1%eth0")]
    [InlineData("[::1]")]
    [InlineData("")]
    [InlineData("1.2.3.4/32")]
    public void What_is_no_plain_address_is_refused(string text) => Assert.False(IpAddr.TryParse(text, out _));

    [Fact]
    public void A_mapped_address_is_IPv4() => Assert.Equal(IpAddr.Parse("10.0.0.1"), IpAddr.Parse("::ffff:10.0.0.1"));

    [Property]
    public bool Network_bytes_round_trip(ulong hi, ulong lo)
    {
        Span<byte> bytes = stackalloc byte[16];
        var address = new IpAddr(hi, lo);
        address.WriteNetworkBytes(bytes);
        return IpAddr.FromNetworkBytes(bytes) == address;
    }
}
