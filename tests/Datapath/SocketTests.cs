using System.Net;
using System.Net.Sockets;
using Cilium.Bpf;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Services at the socket, with real sockets in a control group of their own.</summary>
public sealed class SocketTests : IDisposable
{
    private readonly TestCgroup _cgroup = new();
    private readonly Bench _bench = new(["sock"]);
    private readonly List<BpfLink> _links = [];

    public SocketTests()
    {
        using var sock = Bench.Open("sock");
        foreach (var program in sock.Programs)
            _links.Add(BpfLink.AttachCgroup(_bench.Program(program.Name), _cgroup.Path, program.AttachType));
    }

    public static TheoryData<string, string> Families => new() { { "10.96.0.1", "127.0.0.1" }, { "fd96::1", "::1" }, { "::ffff:10.96.0.1", "127.0.0.1" } };

    [Theory, MemberData(nameof(Families))]
    public void A_connection_goes_to_the_backend_and_names_the_service_as_its_peer(string vip, string backend)
    {
        using var listener = new Socket(IPAddress.Parse(backend).AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Parse(backend), 0));
        listener.Listen();
        AddService(vip, Frame.Tcp, (backend, Port(listener)));
        _cgroup.Run(() =>
        {
            using var client = Client(IPAddress.Parse(vip), SocketType.Stream, ProtocolType.Tcp);
            client.Connect(IPAddress.Parse(vip), 80);
            Assert.Equal(new IPEndPoint(IPAddress.Parse(vip), 80), Peer(client));
            using var accepted = listener.Accept();
            Assert.Equal(Port(client), ((IPEndPoint)accepted.RemoteEndPoint!).Port);
        });
        // It has a slot of its own.
        Assert.Single(_bench.Map<uint, SocketSlot>("cilium_lb_sk_recent").ToDictionary().Values, slot => slot.Service.Address == Bench.Address(vip));
        Assert.Empty(_bench.Map<SocketRevNatKey, SocketRevNatValue>("cilium_lb_sk_rev").ToDictionary());
    }

    [Theory, MemberData(nameof(Families))]
    public void A_connection_that_named_the_service_goes_on_to_do_so_when_its_slot_is_taken(string vip, string backend)
    {
        using var listener = new Socket(IPAddress.Parse(backend).AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Parse(backend), 0));
        listener.Listen();
        AddService(vip, Frame.Tcp, (backend, Port(listener)));
        _cgroup.Run(() =>
        {
            var clients = Enumerable.Range(0, 2).Select(_ => Client(IPAddress.Parse(vip), SocketType.Stream, ProtocolType.Tcp)).ToList();
            foreach (var client in clients)
                client.Connect(IPAddress.Parse(vip), 80);
            Assert.Equal(new IPEndPoint(IPAddress.Parse(vip), 80), Peer(clients[0]));
            var slots = _bench.Map<uint, SocketSlot>("cilium_lb_sk_recent");
            var stranger = new SocketSlot(ulong.MaxValue, default);
            foreach (var (index, _) in slots.ToDictionary().Where(slot => slot.Value.Cookie != 0))
                slots.Update(index, stranger);
            Assert.Equal(new IPEndPoint(IPAddress.Parse(vip), 80), Peer(clients[0]));
            Assert.Equal(new IPEndPoint(vip.Contains("::ffff", StringComparison.Ordinal) ? IPAddress.Parse(backend).MapToIPv6() : IPAddress.Parse(backend), Port(listener)), Peer(clients[1]));
            clients.ForEach(client => client.Dispose());
        });
    }

    [Theory, MemberData(nameof(Families))]
    public void A_datagram_goes_to_the_backend_and_its_answer_comes_from_the_service(string vip, string backend)
    {
        using var server = new Socket(IPAddress.Parse(backend).AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(new IPEndPoint(IPAddress.Parse(backend), 0));
        AddService(vip, Frame.Udp, (backend, Port(server)));
        var address = IPAddress.Parse(vip);
        _cgroup.Run(() =>
        {
            using var client = Client(address, SocketType.Dgram, ProtocolType.Udp);
            client.SendTo([1, 2, 3], new IPEndPoint(address, 80));
            Answer(server);
            EndPoint from = new IPEndPoint(address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
            Assert.Equal(3, client.ReceiveFrom(new byte[16], ref from));
            Assert.Equal(new IPEndPoint(address, 80), from);

            using var connected = Client(address, SocketType.Dgram, ProtocolType.Udp);
            connected.Connect(address, 80);
            connected.Send([1, 2, 3]);
            Answer(server);
            Assert.Equal(3, connected.Receive(new byte[16]));
            Assert.Equal(new IPEndPoint(address, 80), Peer(connected));
        });
    }

    [Theory, MemberData(nameof(Families))]
    public void Without_a_backend_the_call_fails_at_once(string vip, string backend)
    {
        _ = backend;
        AddService(vip, Frame.Tcp);
        AddService(vip, Frame.Udp);
        _cgroup.Run(() =>
        {
            using var tcp = Client(IPAddress.Parse(vip), SocketType.Stream, ProtocolType.Tcp);
            Assert.Equal(SocketError.HostUnreachable, Assert.ThrowsAny<SocketException>(() => tcp.Connect(IPAddress.Parse(vip), 80)).SocketErrorCode);
            using var udp = Client(IPAddress.Parse(vip), SocketType.Dgram, ProtocolType.Udp);
            Assert.Equal(SocketError.HostUnreachable,
                Assert.ThrowsAny<SocketException>(() => udp.SendTo([1], new IPEndPoint(IPAddress.Parse(vip), 80))).SocketErrorCode);
        });
    }

    [Fact]
    public void What_is_no_service_is_left_alone()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        AddService("10.96.0.1", Frame.Tcp, ("127.0.0.1", Port(listener)));
        _cgroup.Run(() =>
        {
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(IPAddress.Loopback, Port(listener));
            Assert.Equal(new IPEndPoint(IPAddress.Loopback, Port(listener)), Peer(client));
        });
        Assert.Empty(_bench.Map<SocketRevNatKey, SocketRevNatValue>("cilium_lb_sk_rev").ToDictionary());
    }

    public void Dispose()
    {
        foreach (var link in _links)
            link.Dispose();
        _bench.Dispose();
        _cgroup.Dispose();
    }

    /// <summary>A socket that can speak to the address, IPv4 behind an IPv6 socket included.</summary>
    private static Socket Client(IPAddress address, SocketType type, ProtocolType protocol)
    {
        var socket = new Socket(address.AddressFamily, type, protocol) { ReceiveTimeout = 20_000 };
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            socket.DualMode = true;
        return socket;
    }

    /// <summary>Whom the kernel calls the socket's peer: a socket remembers whom it was told to connect to, another one of the same handle has to ask.</summary>
    private static EndPoint Peer(Socket socket)
    {
        using var handle = new SafeSocketHandle(socket.Handle, ownsHandle: false);
        using var another = new Socket(handle);
        return another.RemoteEndPoint!;
    }

    private static ushort Port(Socket socket) => (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;

    private static void Answer(Socket server)
    {
        server.ReceiveTimeout = 20_000;
        EndPoint from = new IPEndPoint(server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        var buffer = new byte[16];
        var length = server.ReceiveFrom(buffer, ref from);
        server.SendTo(buffer.AsSpan(0, length), from);
    }

    private void AddService(string vip, byte protocol, params (string Address, ushort Port)[] backends)
    {
        for (var i = 0u; i < backends.Length; i++)
        {
            _bench.Map<uint, BackendValue>("cilium_lb_backends").Update(500 + i, new BackendValue(Bench.Address(backends[i].Address), NetPort.From(backends[i].Port), protocol, 0));
            _bench.Map<SlotKey, SlotValue>("cilium_lb_slots").Update(
                new SlotKey(7, i), new SlotValue(500 + i, Bench.Address(backends[i].Address), NetPort.From(backends[i].Port), protocol, 0));
        }
        _bench.Map<FrontendKey, FrontendValue>("cilium_lb_frontends").Update(
            new FrontendKey(Bench.Address(vip), NetPort.From(80), protocol, 0), new FrontendValue(7, (ushort)backends.Length, 0));
    }
}
