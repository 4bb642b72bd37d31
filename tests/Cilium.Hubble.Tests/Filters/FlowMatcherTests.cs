using Cilium.Hubble.Filters;
using Cilium.Hubble.Printing;

namespace Cilium.Hubble.Tests.Filters;

public sealed class FlowMatcherTests
{
    private readonly Scene _scene = new();

    [Theory]
    [InlineData("""{"source_pod":["client"]}""", true)]
    [InlineData("""{"source_pod":["cli"]}""", true)]
    [InlineData("""{"source_pod":["default/"]}""", true)]
    [InlineData("""{"source_pod":["/client"]}""", true)]
    [InlineData("""{"source_pod":["other/client"]}""", false)]
    [InlineData("""{"destination_pod":["client"]}""", false)]
    [InlineData("""{"source_ip":["10.0.0.0/24"],"destination_ip":["10.0.0.2"]}""", true)]
    [InlineData("""{"source_ip":["10.0.0.2"]}""", false)]
    [InlineData("""{"source_label":["app=client"]}""", true)]
    [InlineData("""{"source_label":["k8s:app in (a, client)"]}""", true)]
    [InlineData("""{"source_label":["app notin (client)"]}""", false)]
    [InlineData("""{"source_label":["!missing,app"]}""", true)]
    [InlineData("""{"source_label":["reserved:app=client"]}""", false)]
    [InlineData("""{"source_label":["app!=client"]}""", false)]
    [InlineData("""{"source_identity":[1,34512]}""", true)]
    [InlineData("""{"destination_identity":[34512]}""", false)]
    [InlineData("""{"protocol":["tcp"]}""", true)]
    [InlineData("""{"protocol":["UDP","icmp"]}""", false)]
    [InlineData("""{"source_port":["40312"],"destination_port":["80"]}""", true)]
    [InlineData("""{"destination_port":["81"]}""", false)]
    [InlineData("""{"verdict":["DROPPED"]}""", false)]
    [InlineData("""{"verdict":["FORWARDED","DROPPED"]}""", true)]
    [InlineData("""{"event_type":[{"type":4}]}""", true)]
    [InlineData("""{"event_type":[{"type":0}]}""", true)]
    [InlineData("""{"event_type":[{"type":0,"match_sub_type":true,"sub_type":4}]}""", false)]
    [InlineData("""{"source_label":[""]}""", true)]
    [InlineData("""{"node_labels":["zone=a"]}""", true)]
    [InlineData("""{"node_labels":["zone=b"]}""", false)]
    [InlineData("""{"event_type":[{"type":4,"match_sub_type":true,"sub_type":4}]}""", false)]
    [InlineData("""{"event_type":[{"type":4,"match_sub_type":true}]}""", true)]
    [InlineData("""{"tcp_flags":[{"SYN":true}]}""", true)]
    [InlineData("""{"tcp_flags":[{"SYN":true,"ACK":true}]}""", false)]
    [InlineData("""{"reply":[false]}""", true)]
    [InlineData("""{"traffic_direction":["INGRESS"]}""", true)]
    [InlineData("""{"ip_version":["IPv6"]}""", false)]
    [InlineData("""{"node_name":["kind/w*"]}""", true)]
    [InlineData("""{"node_name":["kind/"]}""", true)]
    [InlineData("""{"node_name":["worker"]}""", false)]
    [InlineData("""{"source_workload":[{"name":"client","kind":"Deployment"}]}""", true)]
    [InlineData("""{"source_cluster_name":["ki*"]}""", true)]
    [InlineData("""{"http_method":["GET"]}""", false)]
    [InlineData("""{"interface":[{"name":"lxcweb"}]}""", true)]
    [InlineData("""{"source_pod":["client"],"destination_port":["81"]}""", false)]
    public async Task A_filter_chooses(string json, bool expected)
    {
        var flow = await _scene.Only(_scene.Trace());

        Assert.Equal(expected, FlowMatcher.Compile([ProtoJson.Parse<Proto.FlowFilter>(json)], []).Matches(flow));
        Assert.Equal(!expected, FlowMatcher.Compile([], [ProtoJson.Parse<Proto.FlowFilter>(json)]).Matches(flow));
    }

    [Theory]
    [InlineData("""{"reply":[false]}""", true)]
    [InlineData("""{"reply":[true]}""", false)]
    public async Task What_is_dropped_is_no_reply(string json, bool expected)
    {
        var flow = await _scene.Only(_scene.Drop(133));

        Assert.Null(flow.IsReply);
        Assert.Equal(expected, FlowMatcher.Compile([ProtoJson.Parse<Proto.FlowFilter>(json)], []).Matches(flow));
    }

    [Theory]
    [InlineData("""{"source_ip":["10.0.0"]}""", "source_ip")]
    [InlineData("""{"destination_port":["70000"]}""", "destination_port")]
    [InlineData("""{"protocol":["quic"]}""", "protocol")]
    [InlineData("""{"http_status_code":["4x"]}""", "http_status_code")]
    [InlineData("""{"http_path":["("]}""", "http_path")]
    [InlineData("""{"source_label":["a b"]}""", "source_label")]
    [InlineData("""{"experimental":{"cel_expression":["true"]}}""", "experimental.cel_expression")]
    public void A_wrong_filter_names_its_field(string json, string field)
    {
        var error = Assert.Throws<FlowFilterException>(() => FlowMatcher.Compile([ProtoJson.Parse<Proto.FlowFilter>(json)], []));

        Assert.Equal(field, error.Field);
    }

    [Theory]
    [InlineData("""{"http_status_code":["2+"]}""", true)]
    [InlineData("""{"http_status_code":["404"]}""", false)]
    [InlineData("""{"http_path":["^/index"]}""", true)]
    [InlineData("""{"http_method":["get"]}""", true)]
    [InlineData("""{"http_header":[{"key":"a","value":"b"}]}""", true)]
    [InlineData("""{"protocol":["http"]}""", true)]
    public void Layer_7_fields_choose(string json, bool expected)
    {
        var flow = new Proto.Flow
        {
            L7 = new Proto.Layer7
            {
                Http = new Proto.HTTP { Code = 200, Method = "GET", Url = "http://web/index.html", Headers = { new Proto.HTTPHeader { Key = "a", Value = "b" } } },
            },
        };

        Assert.Equal(expected, FlowMatcher.Compile([ProtoJson.Parse<Proto.FlowFilter>(json)], []).Matches(flow));
    }

    [Fact]
    public async Task Icmp_is_either_family()
    {
        var flow = await _scene.Only(_scene.Trace(), PacketBytes.Icmp("fd00::1", "fd00::2", 128, 0));

        Assert.True(FlowMatcher.Compile([new Proto.FlowFilter { Protocol = { "icmp" } }], []).Matches(flow));
        Assert.False(FlowMatcher.Compile([new Proto.FlowFilter { Protocol = { "icmpv4" } }], []).Matches(flow));
    }
}
