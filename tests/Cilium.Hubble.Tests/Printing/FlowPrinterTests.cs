using Cilium.Core;
using Cilium.Hubble.Packets;
using Cilium.Hubble.Printing;

namespace Cilium.Hubble.Tests.Printing;

public sealed class FlowPrinterTests
{
    private readonly Scene _scene = new();

    [Fact]
    public async Task Compact_lines_are_upstreams()
    {
        _scene.Record(_scene.Trace());
        var reply = _scene.Trace(reason: 2, source: 10) with { SourceIdentity = new Identity(21001), DestinationIdentity = new Identity(34512) };
        _scene.Record(reply, PacketBytes.Tcp(Scene.Server, 80, Scene.Client, 40312, TcpFlags.Syn | TcpFlags.Ack));
        _scene.Record(_scene.Verdict(-133, 0));
        _scene.Record(_scene.Verdict(0, 2));
        _scene.Record(_scene.Drop(133));
        _scene.Record(_scene.Trace(point: 4, reason: 0), PacketBytes.Icmp("fd00::1", "fd00::2", 128, 0));
        _scene.Record(_scene.Trace(point: 3) with { DestinationIdentity = Identity.World }, PacketBytes.Udp(Scene.Client, 5000, "1.1.1.1", 53));
        _scene.Ring.OnLost(12);

        Assert.Equal(
            """
            Jan  2 15:04:05.123: default/client:40312 (ID:34512) -> default/web-0:80 (ID:21001) to-endpoint FORWARDED (TCP Flags: SYN)
            Jan  2 15:04:05.123: default/client:40312 (ID:34512) <- default/web-0:80 (ID:21001) to-endpoint FORWARDED (TCP Flags: SYN, ACK)
            Jan  2 15:04:05.123: default/client:40312 (ID:34512) <> default/web-0:80 (ID:21001) policy-verdict:none INGRESS DENIED (TCP Flags: SYN)
            Jan  2 15:04:05.123: default/client:40312 (ID:34512) -> default/web-0:80 (ID:21001) policy-verdict:L3-L4 INGRESS ALLOWED (TCP Flags: SYN)
            Jan  2 15:04:05.123: default/client:40312 (ID:34512) <> default/web-0:80 (ID:21001) Policy denied DROPPED (TCP Flags: SYN)
            Jan  2 15:04:05.123: fd00::1 (ID:34512) -> fd00::2 (ID:21001) to-overlay FORWARDED (ICMPv6 EchoRequest)
            Jan  2 15:04:05.123: default/client:5000 (ID:34512) -> 1.1.1.1:53 (world) to-stack FORWARDED (UDP)
            Jan  2 15:04:05.123 EVENTS LOST: PERF_EVENT_RING_BUFFER CPU(0) 12

            """,
            await Print(new FlowPrinterOptions()));
    }

    [Fact]
    public async Task The_node_is_named_on_request()
    {
        _scene.Record(_scene.Trace());

        Assert.Equal(
            "Jan  2 15:04:05.123 [kind/worker]: 10.0.0.1:40312 (ID:34512) -> 10.0.0.2:80 (ID:21001) to-endpoint FORWARDED (TCP Flags: SYN)\n",
            await Print(new FlowPrinterOptions { PrintNodeName = true, TranslateAddresses = false }));
    }

    [Fact]
    public async Task Dict_blocks_are_upstreams()
    {
        _scene.Record(_scene.Trace());
        _scene.Record(_scene.Drop(181));

        Assert.Equal(
            """
              TIMESTAMP: Jan  2 15:04:05.123
                   NODE: kind/worker
                 SOURCE: default/client:40312
            DESTINATION: default/web-0:80
                   TYPE: to-endpoint
                VERDICT: FORWARDED
                SUMMARY: TCP Flags: SYN
            ------------
              TIMESTAMP: Jan  2 15:04:05.123
                   NODE: kind/worker
                 SOURCE: default/client:40312
            DESTINATION: default/web-0:80
                   TYPE: Policy denied by denylist
                VERDICT: DROPPED
                SUMMARY: TCP Flags: SYN

            """,
            await Print(new FlowPrinterOptions { Output = FlowOutput.Dict, PrintNodeName = true }));
    }

    [Fact]
    public async Task Tab_columns_are_aligned()
    {
        _scene.Record(_scene.Trace());

        Assert.Equal(
            """
            TIMESTAMP             SOURCE                 DESTINATION        TYPE          VERDICT     SUMMARY
            Jan  2 15:04:05.123   default/client:40312   default/web-0:80   to-endpoint   FORWARDED   TCP Flags: SYN

            """,
            await Print(new FlowPrinterOptions { Output = FlowOutput.Tab }));
    }

    [Fact]
    public async Task Json_has_the_protocols_names_on_one_line()
    {
        _scene.Record(_scene.Trace());

        var line = await Print(new FlowPrinterOptions { Output = FlowOutput.JsonPb });

        Assert.StartsWith("""{"flow":{"time":"2024-01-02T15:04:05.123Z","verdict":"FORWARDED","ethernet":{"source":"02:00:00:00:00:01",""", line, StringComparison.Ordinal);
        Assert.Contains(""","node_name":"kind/worker",""", line, StringComparison.Ordinal);
        Assert.Contains("\"pod_name\":\"client\"", line, StringComparison.Ordinal);
        Assert.Contains("\"Summary\":\"TCP Flags: SYN\"", line, StringComparison.Ordinal);
        Assert.EndsWith("""},"node_name":"kind/worker","time":"2024-01-02T15:04:05.123Z"}""" + "\n", line, StringComparison.Ordinal);
        Assert.Equal("client", ProtoJson.Parse<Proto.GetFlowsResponse>(line).Flow.Source.PodName);
    }

    [Fact]
    public void Messages_about_nodes_go_to_the_error_output()
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        using var printer = new FlowPrinter(output, errors, new FlowPrinterOptions());
        var time = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(_scene.Time.GetUtcNow());
        printer.Print(new Proto.GetFlowsResponse { NodeName = "relay", Time = time, NodeStatus = new Proto.NodeStatusEvent { StateChange = Proto.NodeState.NodeConnected, NodeNames = { "a" } } });
        printer.Print(new Proto.GetFlowsResponse { NodeName = "relay", Time = time, NodeStatus = new Proto.NodeStatusEvent { StateChange = Proto.NodeState.NodeUnavailable, NodeNames = { "a", "b" } } });

        Assert.Empty(output.ToString());
        Assert.Equal("Jan  2 15:04:05.123 [relay]: 2 nodes are unavailable: a, b\n", errors.ToString());
    }

    [Fact]
    public void Layer_7_and_control_characters_are_printed_safely()
    {
        var flow = new Proto.Flow
        {
            IP = new Proto.IP { Source = "10.0.0.1", Destination = "10.0.0.2" },
            L7 = new Proto.Layer7 { Type = Proto.L7FlowType.Request, Dns = new Proto.DNS { ObservationSource = "pro\u001bxy" } },
            Verdict = Proto.Verdict.Forwarded,
            IsReply = false,
        };
        using var output = new StringWriter();
        using var printer = new FlowPrinter(output, TextWriter.Null, new FlowPrinterOptions());
        printer.Print(new Proto.GetFlowsResponse { Flow = flow });

        Assert.Equal("N/A: 10.0.0.1 (unknown) -> 10.0.0.2 (unknown) dns-request pro\\x1bxy FORWARDED ()\n", output.ToString());
    }

    private async Task<string> Print(FlowPrinterOptions options)
    {
        using var output = new StringWriter();
        using (var printer = new FlowPrinter(output, TextWriter.Null, options))
        {
            foreach (var response in await _scene.Get())
            {
                printer.Print(response);
            }
        }

        return output.ToString();
    }
}
