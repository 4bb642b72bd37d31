using System.Net;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Core;
using Cilium.DatapathTests;
using Cilium.VirtualNetwork.Sockets;

namespace Cilium.VirtualNetwork.Tests;

/// <summary>Where sockets receive, and what programs find when they look them up.</summary>
public sealed class SocketLookupTests
{
    [Fact]
    public void A_program_finds_the_sockets_of_the_namespace_that_its_device_is_in()
    {
        using var net = new Topology();
        using var lookups = new Lookups(net.First);
        var (pod, host) = (Topology.Pod(net.First), net.First.Host);
        Topology.Lxc(net.First).Attach(lookups.Program("look"), TcDirection.Ingress);
        using var dns = host.Sockets.OpenUdp(new SocketBinding { Port = 53, Address = IpAddr.Parse("10.0.1.1") });
        using var ofPod = pod.Sockets.OpenUdp(5300);
        var gateway = IpAddr.Parse("10.0.1.1");

        var found = Ask(LookupQuestion.Udp, (Topology.AddressOf(pod), 9), (gateway, 53));
        Assert.Equal((1u, 2u, 17u, "10.0.1.1", 53u, 7u), (found.Found, found.Family, found.Protocol, found.LocalIPv4, found.LocalPort, found.State));
        Assert.Equal(0u, Ask(LookupQuestion.Udp, (Topology.AddressOf(pod), 9), (gateway, 5300)).Found);
        Assert.Equal(0u, Ask(LookupQuestion.Udp, (gateway, 9), (Topology.AddressOf(pod), 5300), netns: 3).Found);
        host.Number(pod, 3);
        Assert.Equal((1u, 10u, "::"), Ask(LookupQuestion.Udp, (gateway, 9), (Topology.AddressOf(pod), 5300), netns: 3) is var there ? (there.Found, there.Family, there.LocalIPv6) : default);
        Assert.Equal(2u, Ask(LookupQuestion.Udp, (gateway, 9), (Topology.AddressOf(pod), 5300), netns: 3).Count);
        ofPod.Dispose();
        Assert.Equal(0u, Ask(LookupQuestion.Udp, (gateway, 9), (Topology.AddressOf(pod), 5300), netns: 3).Found);
        Assert.Throws<ArgumentException>(() => host.Number(pod, 3));
        Assert.Throws<ArgumentException>(() => host.Number(net.Second.Host, 4));
        net.First.RemoveNamespace(pod);
        host.Number(host, 3);

        LookupAnswer Ask(uint kind, (IpAddr Address, int Port) from, (IpAddr Address, int Port) to, ulong netns = ulong.MaxValue)
        {
            lookups.Question = Lookups.About(kind, from, to, netns);
            using var asking = pod.Sockets.OpenUdp();
            asking.SendTo([1], new Endpoint(gateway, 9));
            net.Fabric.Run();
            return lookups.Answer;
        }
    }

    [Fact]
    public void A_connection_is_found_in_each_of_its_states()
    {
        using var net = new Topology();
        using var lookups = new Lookups(net.First);
        net.First.Cgroup.Attach(AttachType.CgroupInet4Connect, lookups.Program("look_by_call"));
        var (client, server) = (Topology.Pod(net.First), Topology.Pod(net.Second));
        using var asking = client.Sockets.OpenUdp();
        using var listener = client.Sockets.Listen(80);
        var from = server.Sockets.ConnectTcp(new Endpoint(Topology.AddressOf(client), 80));
        LookupQuestion Question(uint kind) => Lookups.About(kind, (from.Local.Address, from.Local.Port), (from.Remote.Address, from.Remote.Port));
        Assert.Equal((10u, 10u), State());

        // The first segment has come, the answer is on its way: a request, which stands for its listener.
        while (State().Request == 10)
            net.Fabric.Run(1);
        Assert.Equal((12u, 10u), (State().Request, Ask(LookupQuestion.Tcp).State));
        net.Fabric.Run();
        Assert.Equal((1u, 1u), (State().Request, State().Full));
        var answer = Ask(LookupQuestion.Tcp);
        Assert.Equal((10u, "::ffff:10.0.1.10", "10.0.2.10", "::ffff:10.0.2.10"), (answer.Family, answer.LocalIPv6, answer.RemoteIPv4, answer.RemoteIPv6));
        Assert.True(listener.TryAccept(out var accepted));

        from.Close();
        net.Fabric.Run();
        Assert.Equal((8u, 8u), State());
        accepted!.Close();
        net.Fabric.Run();
        // The other end closed first and waits; nothing is left here but the listener.
        Assert.Equal((10u, 10u), State());
        Assert.Equal(BpfSocketState.TimeWait, Find(server, from)!.State);
        accepted.Dispose();
        from.Dispose();
        Assert.Null(Find(server, from));

        LookupAnswer Ask(uint kind)
        {
            lookups.Question = Question(kind);
            Assert.Equal(0, asking.Connect(new Endpoint(Topology.AddressOf(server), 9)));
            return lookups.Answer;
        }

        (uint Request, uint Full) State() => (Ask(LookupQuestion.TcpOrRequest).State, Ask(LookupQuestion.Tcp).State);
    }

    [Fact]
    public void A_socket_receives_where_it_is_bound()
    {
        using var net = new Topology();
        var (client, server) = (Topology.Pod(net.First), Topology.Pod(net.Second));
        var inside = server.InterfaceOrNull("eth0")!;
        inside.AddAddress(IpAddr.Parse("10.0.2.11"));
        net.Second.Host.Routes.Add(new VirtualRoute { Destination = Prefix.Parse("10.0.2.11/32"), Interface = Topology.Lxc(net.Second) });
        using var any = server.Sockets.OpenUdp(new SocketBinding { Port = 53, SharesPort = true });
        using var one = server.Sockets.OpenUdp(new SocketBinding { Port = 53, SharesPort = true, Address = IpAddr.Parse("10.0.2.11") });
        using var elsewhere = server.Sockets.OpenUdp(new SocketBinding { Port = 54, Device = server.Loopback });
        using var here = server.Sockets.OpenUdp(new SocketBinding { Port = 55, Device = inside });
        using var onlyIPv6 = server.Sockets.OpenUdp(new SocketBinding { Port = 56, IsIPv6Only = true });
        using var asking = client.Sockets.OpenUdp();
        foreach (var (address, port) in new[] { ("10.0.2.10", 53), ("10.0.2.11", 53), ("10.0.2.10", 54), ("10.0.2.10", 55), ("10.0.2.10", 56) })
            asking.SendTo([(byte)port], new Endpoint(IpAddr.Parse(address), (ushort)port));
        net.Fabric.Run();
        Assert.Equal([1, 1, 0, 1, 0], new[] { any, one, elsewhere, here, onlyIPv6 }.Select(Received));
        Assert.Equal(2, net.Fabric.Drops[DropCause.NoSocket]);

        // With another end it hears from there only, and what others send is refused as if there were none.
        Assert.Equal(0, here.Connect(new Endpoint(Topology.AddressOf(client), asking.Port)));
        using var stranger = client.Sockets.OpenUdp();
        stranger.SendTo([1], new Endpoint(Topology.AddressOf(server), 55));
        asking.SendTo([1], new Endpoint(Topology.AddressOf(server), 55));
        net.Fabric.Run();
        Assert.Equal((1, 3), (Received(here), (int)stranger.LastError!.Value.Code));

        static int Received(VirtualUdpSocket socket)
        {
            var count = 0;
            while (socket.TryReceive(out _))
                count++;
            return count;
        }
    }

    [Theory]
    [InlineData("", "", false, false, true), InlineData("10.0.2.10", "", false, false, true), InlineData("10.0.2.10", "10.0.2.10", false, false, true)]
    [InlineData("10.0.2.10", "10.0.2.11", false, false, false), InlineData("0.0.0.0", "10.0.2.11", false, false, true), InlineData("", "10.0.2.11", true, false, false)]
    [InlineData("::", "0.0.0.0", true, false, false), InlineData("fd00::1", "10.0.2.10", false, false, false), InlineData("fd00::1", "", false, false, true)]
    [InlineData("", "", false, true, false), InlineData("10.0.2.10", "10.0.2.10", false, true, false)]
    public void A_port_is_taken_where_another_one_receives(string first, string second, bool isFirstIPv6Only, bool share, bool isTaken)
    {
        using var net = new Topology();
        var sockets = Topology.Pod(net.Second).Sockets;
        SocketBinding Binding(string address, bool isIPv6Only) => new()
        {
            Address = address.Length == 0 ? IpAddr.None : IpAddr.Parse(address),
            Port = 80,
            IsIPv6Only = isIPv6Only,
            SharesPort = share,
        };
        using var one = sockets.Listen(Binding(first, isFirstIPv6Only));
        using var datagrams = sockets.OpenUdp(Binding(first, isFirstIPv6Only));
        if (isTaken)
        {
            Assert.Throws<ArgumentException>(() => sockets.Listen(Binding(second, false)));
            Assert.Throws<ArgumentException>(() => sockets.OpenUdp(Binding(second, false)));
            one.Dispose();
            sockets.Listen(Binding(second, false)).Dispose();
        }
        else
        {
            sockets.Listen(Binding(second, false)).Dispose();
            sockets.OpenUdp(Binding(second, false)).Dispose();
        }
        using var free = sockets.Listen(new SocketBinding());
        Assert.InRange(free.Port, 32768, 65535);
    }

    [Fact]
    public void A_datagram_leaves_by_the_address_that_its_socket_is_bound_to()
    {
        using var net = new Topology();
        var (client, server) = (Topology.Pod(net.First), Topology.Pod(net.Second));
        client.InterfaceOrNull("eth0")!.AddAddress(IpAddr.Parse("10.0.1.11"));
        using var at = server.Sockets.OpenUdp(53);
        using var socket = client.Sockets.OpenUdp(new SocketBinding { Address = IpAddr.Parse("10.0.1.11") });
        Assert.Equal(0, socket.SendTo([1], new Endpoint(Topology.AddressOf(server), 53)));
        Assert.Equal((97, 97), (socket.SendTo([1], new Endpoint(IpAddr.Parse("fd00::1"), 53)), socket.Connect(new Endpoint(IpAddr.Parse("fd00::1"), 53))));
        using var onlyIPv6 = client.Sockets.OpenUdp(new SocketBinding { IsIPv6Only = true });
        Assert.Equal(101, onlyIPv6.SendTo([1], new Endpoint(Topology.AddressOf(server), 53)));
        net.Fabric.Run();
        Assert.True(at.TryReceive(out var datagram));
        Assert.Equal(IpAddr.Parse("10.0.1.11"), datagram.Source.Address);
    }

    private static BpfSocket? Find(VirtualNamespace ns, VirtualTcpConnection connection) => ns.Sockets.Find(new BpfSocketQuery
    {
        IsIPv6 = false,
        Protocol = 6,
        LocalAddress = connection.Local.Address.Value,
        LocalPort = connection.Local.Port,
        RemoteAddress = connection.Remote.Address.Value,
        RemotePort = connection.Remote.Port,
        Ifindex = 0,
    });

    /// <summary>The programs of lookup.bpf.c on a node.</summary>
    private sealed class Lookups : IDisposable
    {
        private readonly BpfObject _object;
        private readonly BpfMap<uint, LookupQuestion> _questions;
        private readonly BpfMap<uint, LookupAnswer> _answers;

        internal Lookups(VirtualNode node)
        {
            using var stream = typeof(SocketLookupTests).Assembly.GetManifestResourceStream("lookup.bpf.o")!;
            var elf = new byte[stream.Length];
            stream.ReadExactly(elf);
            _object = BpfObject.Open("lookup", elf, node.Engine);
            _object.Load();
            _questions = _object.Map<uint, LookupQuestion>("questions");
            _answers = _object.Map<uint, LookupAnswer>("answers");
        }

        internal LookupQuestion Question { set => _questions.Update(0, value); }

        internal LookupAnswer Answer => _answers.TryLookup(0, out var answer) ? answer : throw new InvalidOperationException("nothing was asked");

        internal static LookupQuestion About(uint kind, (IpAddr Address, int Port) from, (IpAddr Address, int Port) to, ulong netns = ulong.MaxValue) =>
            LookupQuestion.About(kind, new IPEndPoint(from.Address.ToIPAddress(), from.Port), new IPEndPoint(to.Address.ToIPAddress(), to.Port), netns);

        internal BpfProgram Program(string name) => _object.Program(name);

        public void Dispose()
        {
            _questions.Dispose();
            _answers.Dispose();
            _object.Dispose();
        }
    }
}
