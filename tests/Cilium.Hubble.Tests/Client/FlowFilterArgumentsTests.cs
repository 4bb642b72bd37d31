using System.Globalization;
using Cilium.Hubble.Client;
using Cilium.Hubble.Filters;
using Cilium.Hubble.Printing;

namespace Cilium.Hubble.Tests.Client;

public sealed class FlowFilterArgumentsTests
{
    [Theory]
    [InlineData("from-pod=a", """{"source_pod":["a"]}""", "")]
    [InlineData("pod=a", """{"source_pod":["a"]} {"destination_pod":["a"]}""", "")]
    [InlineData("pod=a protocol=tcp", """{"source_pod":["a"],"protocol":["tcp"]} {"destination_pod":["a"],"protocol":["tcp"]}""", "")]
    [InlineData("namespace=kube-system", """{"source_pod":["kube-system/"]} {"destination_pod":["kube-system/"]}""", "")]
    [InlineData("from-namespace=x from-pod=a", """{"source_pod":["x/a"]}""", "")]
    [InlineData("all-namespaces pod=a", """{"source_pod":["/a"]} {"destination_pod":["/a"]}""", "")]
    [InlineData("not verdict=dropped to-port=80", """{"destination_port":["80"]}""", """{"verdict":["DROPPED"]}""")]
    [InlineData("type=trace:to-overlay", """{"event_type":[{"type":4,"match_sub_type":true,"sub_type":4}]}""", "")]
    [InlineData("type=drop:POLICY_DENIED", """{"event_type":[{"type":1,"match_sub_type":true,"sub_type":133}]}""", "")]
    [InlineData("identity=world", """{"source_identity":[2]} {"destination_identity":[2]}""", "")]
    [InlineData("to-identity=34512", """{"destination_identity":[34512]}""", "")]
    [InlineData("ipv6", """{"ip_version":["IPv6"]}""", "")]
    [InlineData("ip-version=v4 ip-version=IPv6", """{"ip_version":["IPv4","IPv6"]}""", "")]
    [InlineData("ip-version=none", """{"ip_version":["IP_NOT_USED"]}""", "")]
    [InlineData("namespace=x pod=x/a", """{"source_pod":["x/a"]} {"destination_pod":["x/a"]}""", "")]
    [InlineData("tcp-flags=syn,ack", """{"tcp_flags":[{"SYN":true,"ACK":true}]}""", "")]
    [InlineData("drop-reason-desc=POLICY_DENY", """{"drop_reason_desc":["POLICY_DENY"]}""", "")]
    public void Options_become_filters(string options, string allow, string deny)
    {
        var request = Request(options);

        Assert.Equal(allow, string.Join(' ', request.Whitelist.Select(ProtoJson.Format)));
        Assert.Equal(deny, string.Join(' ', request.Blacklist.Select(ProtoJson.Format)));
    }

    [Theory]
    [InlineData("pod=a from-pod=b")]
    [InlineData("port=1 to-port=2")]
    [InlineData("not not verdict=DROPPED")]
    [InlineData("verdict=DROPPED not")]
    [InlineData("verdict=MAYBE")]
    [InlineData("type=trace:to-nowhere")]
    [InlineData("type=nonsense")]
    [InlineData("ip-version=5")]
    [InlineData("namespace=y pod=x/a")]
    [InlineData("from-namespace=y from-pod=x/a")]
    [InlineData("to-pod=x/a to-service=y/b")]
    public void Contradictions_and_nonsense_are_refused(string options) => Assert.Throws<FlowFilterException>(() => Request(options));

    [Fact]
    public void A_plain_command_asks_for_the_last_twenty()
    {
        var now = new DateTimeOffset(2024, 1, 2, 15, 0, 0, TimeSpan.Zero);
        var request = new Proto.GetFlowsRequest();
        new FlowSelection().WriteTo(request, now);
        Assert.Equal(20ul, request.Number);

        request = new Proto.GetFlowsRequest();
        new FlowSelection { Since = "1h30m" }.WriteTo(request, now);
        Assert.Equal(0ul, request.Number);
        Assert.Equal(now.AddMinutes(-90), request.Since.ToDateTimeOffset());

        request = new Proto.GetFlowsRequest();
        new FlowSelection { First = 3 }.WriteTo(request, now);
        Assert.True(request.First);
        Assert.Throws<FlowFilterException>(() => new FlowSelection { First = 3, Follow = true }.WriteTo(new Proto.GetFlowsRequest(), now));
        Assert.Throws<FlowFilterException>(() => new FlowSelection { Since = "yesterday-ish" }.WriteTo(new Proto.GetFlowsRequest(), now));
    }

    [Theory]
    [InlineData("2024-01-02", "2024-01-02T00:00:00Z")]
    [InlineData("2024-01-02T15Z", "2024-01-02T15:00:00Z")]
    [InlineData("2024-01-02T15+02:00", "2024-01-02T13:00:00Z")]
    [InlineData("2024-01-02T15:04Z", "2024-01-02T15:04:00Z")]
    [InlineData("2024-01-02T15:04:05+01:00", "2024-01-02T14:04:05Z")]
    [InlineData("2024-01-02T15:04:05.123Z", "2024-01-02T15:04:05.123Z")]
    [InlineData("2024-01-02T15:04:05.123456789Z", "2024-01-02T15:04:05.1234567Z")]
    [InlineData("Tue, 02 Jan 2024 15:04:05 +0000", "2024-01-02T15:04:05Z")]
    public void Times_are_read_in_the_forms_that_flows_are_printed_in(string text, string expected)
    {
        var request = new Proto.GetFlowsRequest();
        new FlowSelection { Since = text }.WriteTo(request, DateTimeOffset.UnixEpoch);
        Assert.Equal(DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture), request.Since.ToDateTimeOffset());
    }

    [Theory]
    [InlineData("01/02/2024")]
    [InlineData("15:04")]
    [InlineData("2024-01-02 15:04")]
    [InlineData("")]
    public void Times_that_could_mean_several_are_refused(string text) => Assert.Throws<FlowFilterException>(
        () => new FlowSelection { Until = text }.WriteTo(new Proto.GetFlowsRequest(), DateTimeOffset.UnixEpoch));

    [Fact]
    public void The_socket_beside_the_agents_is_found()
    {
        var folder = Directory.CreateTempSubdirectory("hubble-address-").FullName;
        File.WriteAllText(Path.Combine(folder, "hubble.sock"), "");

        Assert.Equal(Path.Combine(folder, "hubble.sock"), HubbleAddress.Choose(null, Path.Combine(folder, "cilium.sock")).SocketPath);
        Assert.Equal("localhost:4245", HubbleAddress.Choose("", "/nonexistent/cilium.sock").Host);
        Assert.Equal("relay:80", HubbleAddress.Choose("tls://relay:80", null).Host);
        Assert.Throws<FormatException>(() => HubbleAddress.Parse("relay"));
        Directory.Delete(folder, recursive: true);
    }

    private static Proto.GetFlowsRequest Request(string options)
    {
        var filters = new FlowFilterArguments();
        foreach (var option in options.Split(' '))
        {
            var equals = option.IndexOf('=', StringComparison.Ordinal);
            if (option == "not")
            {
                filters.Not();
            }
            else
            {
                filters.Add(equals < 0 ? option : option[..equals], equals < 0 ? "" : option[(equals + 1)..]);
            }
        }

        var request = new Proto.GetFlowsRequest();
        filters.WriteTo(request);
        return request;
    }
}
