using System.Net;
using System.Net.Sockets;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;
using Cilium.Netlink;
using Microsoft.Extensions.Logging;

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

    [Theory]
    [InlineData(2, 0, "CONFIG_INET_UDP_DIAG")]
    [InlineData(0, 95, "CONFIG_INET_DIAG_DESTROY")]
    public async Task What_the_kernel_lacks_is_told_once(int dump, int destroy, string lacks)
    {
        var kernel = new FakeSockets { Dump = dump, Destroy = destroy };
        var warnings = await CloseTwiceAsync(kernel);
        Assert.Contains(lacks, Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal(1, kernel.Opened);
    }

    [Fact]
    public async Task A_pod_that_has_ended_is_no_failure_and_a_refusal_is()
    {
        var kernel = new FakeSockets { Absent = "/run/netns/one" };
        Assert.Empty(await CloseTwiceAsync(kernel));
        kernel = new FakeSockets { Dump = 13 };
        Assert.All(await CloseTwiceAsync(kernel), warning => Assert.Contains("(13)", warning, StringComparison.Ordinal));
        Assert.True(kernel.Opened >= 3);
    }

    private static async Task<List<string>> CloseTwiceAsync(FakeSockets kernel)
    {
        using var maps = new TestMaps();
        using var log = new LevelLog(LogLevel.Warning);
        var tables = new DatapathTables(new StateStore());
        foreach (var (index, name) in new[] { "one", "two" }.Index())
            tables.Store.Write(write => write.Upsert(tables.Endpoints, TestPod.RowOf(1, (ushort)(11 + index), 7) with { NetnsPath = $"/run/netns/{name}" }));
        var gone = new L4Address(IpAddr.Parse("10.77.1.12"), 5353, L4Protocol.Udp);
        foreach (var cookie in Enumerable.Range(1, 3))
            maps.Maps.SocketRevNat.Update(new SocketRevNatKey((ulong)cookie, gone.Address.ToMap(), NetPort.From(gone.Port), 0, 0), default);
        using (var sockets = new BackendSockets(tables.Endpoints, kernel.Open, log))
        {
            sockets.Start(maps.Maps.SocketRevNat);
            sockets.CloseUdp([gone]);
            Assert.True(await TestNode.HappensAsync(() => kernel.Opened > 0));
            sockets.CloseUdp([gone]);
        }
        return [.. log.Messages];
    }

    /// <summary>One socket in each namespace, on a kernel that lacks things.</summary>
    private sealed class FakeSockets : IUdpSockets
    {
        private int _opened;

        internal int Dump { get; init; }

        internal int Destroy { get; init; }

        internal string? Absent { get; init; }

        internal int Opened => Volatile.Read(ref _opened);

        internal IUdpSockets Open(string? pod)
        {
            var cookie = Interlocked.Increment(ref _opened);
            if (pod is not null && pod == Absent)
                throw new NetlinkException("open", 2, pod);
            return new FakeSockets { Dump = Dump, Destroy = Destroy, _opened = cookie };
        }

        List<ConnectedSocket> IUdpSockets.Connected() => Dump != 0
            ? throw new NetlinkException("SOCK_DIAG_BY_FAMILY", Dump, "dump")
            : [new ConnectedSocket(IPEndPoint.Parse("10.77.1.11:4000"), IPEndPoint.Parse("10.77.1.12:5353"), 0, (ulong)Opened)];

        bool IUdpSockets.Destroy(ConnectedSocket socket) => Destroy == 0 ? true : throw new NetlinkException("SOCK_DESTROY", Destroy, "udp");

        void IDisposable.Dispose()
        {
        }
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
