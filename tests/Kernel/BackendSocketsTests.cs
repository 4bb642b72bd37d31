using System.Net;
using System.Net.Sockets;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;
using Cilium.Netlink;

namespace Cilium.KernelTests;

/// <summary>Sockets that a service connected to a backend which goes.</summary>
public sealed class BackendSocketsTests
{
    private static readonly IpAddr s_service = IpAddr.Parse("10.96.0.53"), s_service6 = IpAddr.Parse("fd96::53");

    [Fact]
    public async Task Connected_udp_sockets_lose_a_backend_that_is_gone_and_connect_to_another()
    {
        using var node = new TestNode();
        await node.StartAsync();
        TestPod client = node.AddPod(11), going = node.AddPod(12), staying = node.AddPod(13);
        foreach (var pod in new[] { client, going, staying })
            await node.PutAsync(pod.Row);
        await ServeAsync(node, going);

        using var ofPod = Connect(node, client.Namespace, s_service);
        using var ofPod6 = Connect(node, client.Namespace, s_service6);
        using var ofNode = Connect(node, node.Node, s_service);
        // This one speaks to the pod itself, and asked for no service.
        using var direct = Connect(node, client.Namespace, going.Row.IPv4, 5353);
        Assert.Equal([going.IPv4, going.IPv4, going.IPv6], PeersIn(client.Namespace));
        Assert.Equal([going.IPv4], PeersIn(node.Node));

        await ServeAsync(node, staying, going);
        using var other = ConnectTo(node, client, staying);
        await ServeAsync(node, staying);
        Assert.True(await TestNode.HappensAsync(() => PeersIn(node.Node).Count == 0 && PeersIn(client.Namespace).Count == 2));
        Assert.Equal([going.IPv4, staying.IPv4], PeersIn(client.Namespace));
        Assert.All([ofPod, ofPod6, ofNode], socket =>
            Assert.Equal(SocketError.ConnectionAborted, Assert.Throws<SocketException>(() => socket.Receive(new byte[8])).SocketErrorCode));
        using var again = Connect(node, client.Namespace, s_service);
        using var again6 = Connect(node, client.Namespace, s_service6);
        Assert.Equal([going.IPv4, staying.IPv4, staying.IPv4, staying.IPv6], PeersIn(client.Namespace));
    }

    [Fact]
    public async Task A_backend_that_went_while_no_agent_ran_is_taken_from_sockets_too()
    {
        using var node = new TestNode();
        await node.StartAsync();
        TestPod client = node.AddPod(11), going = node.AddPod(12), staying = node.AddPod(13);
        await node.PutAsync(client.Row);
        await ServeAsync(node, going);
        using var socket = Connect(node, client.Namespace, s_service);
        Assert.Equal([going.IPv4], PeersIn(client.Namespace));

        await node.RestartAsync(tables => tables.Store.Write(write =>
        {
            foreach (var row in RowsOf(staying))
                write.Upsert(tables.Frontends, row);
        }));
        // Pods have no rows before their policies are known, and services are compared long before that.
        Assert.True(await TestNode.HappensAsync(() => HasBackends(node, staying)));
        await Task.Delay(TimeSpan.FromMilliseconds(200));
        Assert.Equal([going.IPv4], PeersIn(client.Namespace));
        node.Tables.Store.Write(write => write.Upsert(node.Tables.Endpoints, client.Row));
        node.Tables.Endpoints.CompleteInitializer("test");
        Assert.True(await TestNode.HappensAsync(() => PeersIn(client.Namespace).Count == 0));
    }

    [Fact]
    public async Task An_agent_that_ends_before_it_knows_its_pods_does_not_wait_for_them()
    {
        using var node = new TestNode();
        await node.StartAsync();
        await node.RestartAsync();
        await node.Datapath.StopAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
    }

    private static IEnumerable<FrontendRow> RowsOf(params TestPod[] pods) => new[] { s_service, s_service6 }.Select(address => new FrontendRow
    {
        Address = new L4Address(address, 53, L4Protocol.Udp),
        ServiceNamespace = "kube-system",
        ServiceName = "dns",
        Backends = pods.Select(pod => new BackendRef(new L4Address(address.IsIPv4 ? pod.Row.IPv4 : pod.Row.IPv6, 5353, L4Protocol.Udp), BackendState.Active))
            .OrderBy(backend => backend.Address).ToEquatableArray(),
    });

    private static async Task ServeAsync(TestNode node, params TestPod[] pods)
    {
        node.Tables.Store.Write(write =>
        {
            foreach (var row in RowsOf(pods))
                write.Upsert(node.Tables.Frontends, row);
        });
        Assert.True(await TestNode.HappensAsync(() => HasBackends(node, pods)));
    }

    private static bool HasBackends(TestNode node, params TestPod[] pods) => node.Datapath.Maps.Services.Backends.ToDictionary().Values
        .Select(backend => backend.Address.ToIpAddr()).ToHashSet().SetEquals(pods.SelectMany(pod => new[] { pod.Row.IPv4, pod.Row.IPv6 }));

    // Backends are taken at random.
    private static Socket ConnectTo(TestNode node, TestPod client, TestPod backend)
    {
        while (true)
        {
            var before = PeersIn(client.Namespace);
            var socket = Connect(node, client.Namespace, s_service);
            if (PeersIn(client.Namespace).Count(peer => peer.Equals(backend.IPv4)) > before.Count(peer => peer.Equals(backend.IPv4)))
                return socket;
            socket.Dispose();
        }
    }

    private static Socket Connect(TestNode node, NetworkNamespace ns, IpAddr address, int port = 53) => node.RunInCgroup(() => ns.Run(() =>
    {
        var socket = new Socket(address.IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 30_000 };
        socket.Connect(address.ToIPAddress(), port);
        return socket;
    }));

    private static List<IPAddress> PeersIn(NetworkNamespace ns)
    {
        using var diagnosis = SocketDiagnosis.Open(ns);
        return [.. diagnosis.ConnectedUdp().Select(socket => IpAddr.FromIPAddress(socket.Remote.Address)).Order().Select(address => address.ToIPAddress())];
    }
}
