using System.Net;
using System.Text;
using Cilium.Lab.Workloads;
using FsCheck.Xunit;

namespace Cilium.Lab.Tests;

public sealed class DnsMessageTests
{
    private const byte NameError = 3;
    private static readonly DnsZone Zone = DnsZone.Parse(["web.default.svc.cluster.local 10.96.0.5 fd00::5", "six.default.svc.cluster.local fd00::6"]);

    [Theory]
    [InlineData("web.default.svc.cluster.local", 1, "10.96.0.5")]
    [InlineData("WEB.default.svc.cluster.local", 28, "fd00::5")]
    [InlineData("10-0-0-7.default.pod.cluster.local", 1, "10.0.0.7")]
    public void Names_have_addresses(string name, int type, string expected)
    {
        var answer = DnsMessage.Answer(Query(name, type), Zone)!;

        Assert.Equal(1, answer[7]);
        var address = IPAddress.Parse(expected).GetAddressBytes();
        Assert.Equal(address, answer[^address.Length..]);
    }

    [Fact]
    public void A_name_without_an_address_of_the_family_exists_all_the_same()
    {
        var answer = DnsMessage.Answer(Query("six.default.svc.cluster.local", 1), Zone)!;

        Assert.Equal(0, answer[3] & 0xf);
        Assert.Equal(0, answer[7]);
    }

    [Fact]
    public void An_unknown_name_is_a_name_error() => Assert.Equal(NameError, DnsMessage.Answer(Query("no.such.name", 1), Zone)![3] & 0xf);

    [Property(MaxTest = 500)]
    public void Any_bytes_are_answered_or_ignored(byte[] query) => Assert.Null(Record.Exception(() => DnsMessage.Answer(query, Zone)));

    [Property(MaxTest = 300)]
    public void Damaged_queries_are_answered_or_ignored(byte position, byte value)
    {
        var query = Query("web.default.svc.cluster.local", 1);
        query[position % query.Length] = value;
        Assert.Null(Record.Exception(() => DnsMessage.Answer(query, Zone)));
    }

    private static byte[] Query(string name, int type) =>
    [
        0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0,
        .. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0, 0, (byte)type, 0, 1,
    ];
}
