using System.CommandLine;
using Cilium.Hosts.Hubble;
using Cilium.Hubble.Client;
using Cilium.Hubble.Serving;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Peers = Cilium.Hubble.Proto.Peers;

namespace Cilium.Hubble.Tests.Serving;

public sealed class HubbleServerTests : IAsyncLifetime
{
    private readonly Scene _scene = new();
    private readonly PeerDirectory _peers = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("hubble-test-").FullName;
    private HubbleServer? _server;

    private HubbleAddress Address => HubbleAddress.Parse($"unix://{_scene.Observer.Options.SocketPath}");

    public async ValueTask InitializeAsync()
    {
        _scene.Observer.Options.SocketPath = Path.Combine(_folder, "run", "hubble.sock");
        _server = new HubbleServer(_scene.Observer, _peers, NullLoggerFactory.Instance);
        await _server.StartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _server!.StopAsync(CancellationToken.None);
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Flows_travel_over_a_Unix_socket()
    {
        _scene.Record(_scene.Trace());
        using var channel = Address.Open(TimeSpan.FromSeconds(30));
        using var call = new Proto.Observer.ObserverClient(channel).GetFlows(new Proto.GetFlowsRequest { Number = 5 });

        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal("client", call.ResponseStream.Current.Flow.Source.PodName);
        Assert.Equal("kind/worker", call.ResponseStream.Current.NodeName);
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact]
    public async Task Status_nodes_namespaces_and_health_are_served()
    {
        _scene.Record(_scene.Trace());
        using var channel = Address.Open(TimeSpan.FromSeconds(30));
        var client = new Proto.Observer.ObserverClient(channel);

        var status = await client.ServerStatusAsync(new Proto.ServerStatusRequest());
        Assert.Equal((1ul, 4095ul, 1ul), (status.NumFlows, status.MaxFlows, status.SeenFlows));
        Assert.Equal("cilium v1", status.Version);
        Assert.Equal("kind/worker", Assert.Single((await client.GetNodesAsync(new Proto.GetNodesRequest())).Nodes).Name);
        Assert.Equal("default", Assert.Single((await client.GetNamespacesAsync(new Proto.GetNamespacesRequest())).Namespaces).Namespace_);
        // The last is what upstream's command asks for.
        foreach (var service in (string[])["", "observer.Observer", "peer.Peer", "hubble.server.Observer"])
        {
            var health = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest { Service = service });
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
        }
    }

    [Fact]
    public async Task The_fields_that_upstreams_command_asks_for_are_sent_and_no_others()
    {
        _scene.Record(_scene.Trace());
        using var channel = Address.Open(TimeSpan.FromSeconds(30));
        var request = new Proto.GetFlowsRequest { Number = 1, FieldMask = new Google.Protobuf.WellKnownTypes.FieldMask() };
        request.FieldMask.Paths.AddRange(
        [
            "time", "source.identity", "source.namespace", "source.pod_name", "destination.identity", "destination.namespace", "destination.pod_name",
            "source_service", "destination_service", "source_names", "destination_names", "l4", "l7", "IP", "ethernet", "Type", "node_name", "is_reply",
            "event_type", "verdict", "Summary", "auth_type", "sock_xlate_point", "policy_match_type", "traffic_direction", "drop_reason_desc",
        ]);
        using var call = new Proto.Observer.ObserverClient(channel).GetFlows(request);

        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        var flow = call.ResponseStream.Current.Flow;
        Assert.Equal(("client", 34512u, false), (flow.Source.PodName, flow.Source.Identity, flow.IsReply));
        Assert.Equal(80u, flow.L4.TCP.DestinationPort);
        Assert.Empty(flow.Source.Labels);
        Assert.Empty(flow.Uuid);
    }

    [Fact]
    public async Task A_wrong_filter_is_an_invalid_argument_that_names_the_field()
    {
        using var channel = Address.Open(TimeSpan.FromSeconds(30));
        var request = new Proto.GetFlowsRequest();
        request.Whitelist.Add(new Proto.FlowFilter { SourceIp = { "10.0.0.300" } });
        using var call = new Proto.Observer.ObserverClient(channel).GetFlows(request);

        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains("source_ip", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Peers_are_told_and_then_their_changes()
    {
        _peers.Set(new HubblePeer("kind/worker", "172.18.0.2:4244"));
        using var channel = Address.Open(TimeSpan.FromSeconds(30));
        using var call = new Peers.Peer.PeerClient(channel).Notify(new Peers.NotifyRequest());

        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(Peers.ChangeNotificationType.PeerAdded, call.ResponseStream.Current.Type);
        _peers.Set(new HubblePeer("kind/worker", "172.18.0.3:4244"));
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(Peers.ChangeNotificationType.PeerUpdated, call.ResponseStream.Current.Type);
        _peers.Remove("kind/worker");
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(Peers.ChangeNotificationType.PeerDeleted, call.ResponseStream.Current.Type);
    }

    [Fact]
    public async Task The_command_prints_what_the_server_has()
    {
        _scene.Record(_scene.Trace());
        _scene.Record(_scene.Drop(133));

        var (code, output, _) = await Run("observe", "--server", Address.Text, "--print-node-name", "--type", "trace:to-endpoint");
        Assert.Equal(0, code);
        Assert.Equal(
            "Jan  2 15:04:05.123 [kind/worker]: default/client:40312 (ID:34512) -> default/web-0:80 (ID:21001) to-endpoint FORWARDED (TCP Flags: SYN)\n",
            output);

        (_, output, _) = await Run("observe", "--server", Address.Text, "--not", "-t", "trace", "--last", "5");
        Assert.Contains("Policy denied DROPPED", output, StringComparison.Ordinal);
        Assert.DoesNotContain("to-endpoint", output, StringComparison.Ordinal);

        (_, output, _) = await Run("status", "--server", Address.Text);
        Assert.StartsWith($"Healthcheck (via {Address.Text}): Ok\nCurrent/Max Flows: 2/4,095 (0.05%)\nFlows/s: ", output, StringComparison.Ordinal);
        Assert.EndsWith("Connected Nodes: 1/1\n", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(":4244", true, "[::]:4244")]
    [InlineData(":4244", false, "0.0.0.0:4244")]
    [InlineData("127.0.0.1:4244", false, "127.0.0.1:4244")]
    [InlineData("[::1]:4244", true, "[::1]:4244")]
    public void Without_an_address_all_are_meant_of_the_families_that_the_machine_has(string text, bool hasIPv6, string expected) =>
        Assert.Equal(expected, HubbleServer.ParseListenAddress(text, hasIPv6).ToString());

    [Theory]
    [InlineData("compact")]
    [InlineData("dict")]
    [InlineData("json")]
    public async Task A_server_that_does_not_serve_fails_the_status_after_it_is_printed(string output)
    {
        // The same server, but for its health.
        var healthy = HubblePipeline.Build(_scene.Observer, _peers, NullLoggerFactory.Instance);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.ListenUnixSocket(Path.Combine(_folder, "ill.sock"), listen => listen.Protocols = HttpProtocols.Http2));
        await using var server = builder.Build();
        server.Run(async context =>
        {
            if (!context.Request.Path.StartsWithSegments("/grpc.health.v1.Health", StringComparison.Ordinal))
            {
                await healthy(context);
                return;
            }

            // One message that is not compressed and two bytes long: the field status of number 1 is NOT_SERVING.
            context.Response.ContentType = "application/grpc";
            await context.Response.Body.WriteAsync(new byte[] { 0, 0, 0, 0, 2, 8, 2 }, CancellationToken.None);
            context.Response.AppendTrailer("grpc-status", "0");
        });
        await server.StartAsync(CancellationToken.None);

        var (code, text, error) = await Run("status", "--server", $"unix://{Path.Combine(_folder, "ill.sock")}", "-o", output);
        Assert.Equal((1, "not healthy: NotServing\n"), (code, error));
        Assert.Contains("cilium v1", output == "compact" ? text + "cilium v1" : text, StringComparison.Ordinal);
        Assert.Equal(output == "compact", text.Contains("Unavailable: NotServing", StringComparison.Ordinal));
        await server.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_one_clear_line()
    {
        var (code, output, error) = await Run("observe", "--server", "unix:///nonexistent/hubble.sock");

        Assert.Equal(1, code);
        Assert.Empty(output);
        Assert.StartsWith("failed to connect to 'unix:///nonexistent/hubble.sock': ", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await HubbleCommand.Create().Parse(arguments).InvokeAsync(new InvocationConfiguration { Output = output, Error = error });
        return (code, output.ToString(), error.ToString());
    }
}
