using System.Net;
using System.Net.Sockets;
using Cilium.ControlPlane.Services;
using Cilium.ControlPlane.Serving;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Services;

public sealed class HealthCheckPortsTests
{
    [Fact]
    public async Task A_port_tells_whether_this_node_has_backends_and_goes_with_its_service()
    {
        var test = new TestTables();
        test.Options.Datapath.EnableNodePort = true;
        test.Options.Datapath.EnableIPv6 = false;
        var service = Service(FreePort());
        test.Write(write =>
        {
            write.Upsert(test.Kubernetes.Services, service);
            write.Upsert(test.Kubernetes.EndpointSlices, Slice("node-b"));
        });
        await using var web = new WebServer(NullLoggerFactory.Instance, TimeProvider.System);
        await web.StartAsync(CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var running = new HealthCheckPorts(test.Tables, test.Options, web, TimeProvider.System, NullLogger<HealthCheckPorts>.Instance).RunAsync(stop.Token);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{service.HealthCheckNodePort}") };
        var answer = await EventuallyAsync(client, running, found => found is not null);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, """{"service":{"namespace":"default","name":"web"},"localEndpoints":0,"serviceProxyHealthy":true}"""), answer);
        test.Write(write => write.Upsert(test.Kubernetes.EndpointSlices, Slice("node-b", test.Options.NodeName)));
        answer = await EventuallyAsync(client, running, found => found?.Status == HttpStatusCode.OK);
        Assert.Equal("""{"service":{"namespace":"default","name":"web"},"localEndpoints":1,"serviceProxyHealthy":true}""", answer!.Value.Body);
        test.Write(write => write.Upsert(test.Kubernetes.Services, service with { ExternalTrafficIsLocal = false }));
        await EventuallyAsync(client, running, found => found is null);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public void Only_load_balancers_whose_external_traffic_is_local_have_one()
    {
        var service = Service(30999);
        Assert.Equal([(ushort)30999], HealthCheckPorts.AnswersOf([service], [], "node-a", "").Keys);
        Assert.Empty(HealthCheckPorts.AnswersOf([service with { Type = "NodePort" }], [], "node-a", ""));
        Assert.Empty(HealthCheckPorts.AnswersOf([service with { ExternalTrafficIsLocal = false }], [], "node-a", ""));
        Assert.Empty(HealthCheckPorts.AnswersOf([service with { HealthCheckNodePort = 0 }], [], "node-a", ""));
        var going = Slice("node-a") with { Endpoints = [new SliceEndpoint { Addresses = [IpAddr.Parse("10.0.0.1")], NodeName = "node-a", IsReady = false, IsServing = true, IsTerminating = true }] };
        Assert.Equal(0, HealthCheckPorts.AnswersOf([service], [going], "node-a", "")[30999].LocalEndpoints);
    }

    [Fact]
    public void A_service_of_another_proxy_has_its_port_there()
    {
        var foreign = Service(30999) with { Labels = StringMap.Create([new KeyValuePair<string, string>(ServiceFrontends.ProxyNameLabel, "other")]) };
        Assert.Empty(HealthCheckPorts.AnswersOf([foreign], [], "node-a", ""));
        Assert.Equal([(ushort)30999], HealthCheckPorts.AnswersOf([foreign], [], "node-a", "other").Keys);
    }

    [Fact]
    public void A_pod_with_addresses_of_both_families_is_one()
    {
        var ipv6 = Slice("node-a", "node-a") with
        {
            Name = "web-2",
            Endpoints = [new SliceEndpoint { Addresses = [IpAddr.Parse("fd00::1")], NodeName = "node-a" }],
        };
        Assert.Equal(2, HealthCheckPorts.AnswersOf([Service(30999)], [Slice("node-a", "node-a"), ipv6], "node-a", "")[30999].LocalEndpoints);
        Assert.Equal(1, HealthCheckPorts.AnswersOf([Service(30999)], [ipv6], "node-a", "")[30999].LocalEndpoints);
    }

    private static async Task<(HttpStatusCode Status, string Body)?> EventuallyAsync(HttpClient client, Task running, Func<(HttpStatusCode Status, string Body)?, bool> wanted)
    {
        (HttpStatusCode, string)? found = null;
        for (var attempt = 0; attempt < 400 && !running.IsCompleted; attempt++)
        {
            try
            {
                using var answer = await client.GetAsync("/", CancellationToken.None);
                found = (answer.StatusCode, await answer.Content.ReadAsStringAsync(CancellationToken.None));
            }
            catch (HttpRequestException)
            {
                found = null;
            }

            if (wanted(found)) return found;
            await Task.Delay(25, CancellationToken.None);
        }

        Assert.Fail($"still {found}; the loop: {running.Status} {running.Exception}");
        return null;
    }

    private static ushort FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static ServiceRow Service(ushort port) => new()
    {
        Namespace = "default",
        Name = "web",
        Type = "LoadBalancer",
        ClusterIPs = [IpAddr.Parse("10.96.0.10")],
        ExternalTrafficIsLocal = true,
        HealthCheckNodePort = port,
    };

    private static EndpointSliceRow Slice(params string[] nodes) => new()
    {
        Namespace = "default",
        Name = "web-1",
        ServiceName = "web",
        Endpoints = nodes.Select((node, index) => new SliceEndpoint { Addresses = [IpAddr.Parse($"10.0.0.{index + 1}")], NodeName = node }).ToEquatableArray(),
    };
}
