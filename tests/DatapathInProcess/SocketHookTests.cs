using System.Net;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>The programs on socket calls, run directly: on the kernel tests/Datapath tries them with real sockets.</summary>
public sealed class SocketHookTests : IDisposable
{
    private readonly Bench _bench = new(["sock"]);

    [Theory, InlineData("10.96.0.1", "127.0.0.1"), InlineData("fd96::1", "::1"), InlineData("::ffff:10.96.0.1", "127.0.0.1")]
    public void A_connection_goes_to_the_backend_and_its_peer_is_the_service(string vip, string backend)
    {
        AddService(vip, Frame.Tcp, (backend, 8080));
        using var socket = Call(vip, 80);
        Assert.Equal(1, Run("connect", socket));
        Assert.Equal((backend, (ushort)8080), Where(socket));
        // It is in the slot of the socket's cookie alone.
        var slot = Assert.Single(_bench.Map<uint, SocketSlot>("cilium_lb_sk_recent").ToDictionary(), slot => slot.Value.Cookie != 0);
        Assert.Equal(new SocketSlot(4711, new SocketService(Bench.Address(backend), NetPort.From(8080), NetPort.From(80), 7, Bench.Address(vip))), slot.Value);
        Assert.Equal(4711u, slot.Key);
        Assert.Empty(_bench.Map<SocketRevNatKey, SocketRevNatValue>("cilium_lb_sk_rev").ToDictionary());
        Assert.Equal(1, Run("getpeername", socket));
        Assert.Equal((Mapped(vip), (ushort)80), Where(socket));
    }

    [Theory, InlineData("10.96.0.1", "127.0.0.1", "127.0.0.2"), InlineData("fd96::1", "::1", "::2")]
    public void A_socket_that_connects_elsewhere_later_names_its_true_peer(string vip, string backend, string elsewhere)
    {
        AddService(vip, Frame.Tcp, (backend, 8080));
        using var socket = Call(vip, 80);
        Assert.Equal(1, Run("connect", socket));
        foreach (var (address, port) in new[] { (elsewhere, (ushort)8080), (backend, (ushort)8081) })
        {
            using var later = Call(address, port);
            Assert.Equal(1, Run("connect", later));
            Assert.Equal(1, Run("getpeername", later));
            Assert.Equal((address, port), Where(later));
        }

        // Another service, or the same again, takes the place of the first.
        AddService(vip, Frame.Tcp, (elsewhere, 9090));
        using var again = Call(vip, 80);
        Assert.Equal(1, Run("connect", again));
        Assert.Equal((elsewhere, (ushort)9090), Where(again));
        Assert.Equal(1, Run("getpeername", again));
        Assert.Equal((vip, (ushort)80), Where(again));
    }

    [Theory, InlineData("10.96.0.1", "127.0.0.1"), InlineData("fd96::1", "::1")]
    public void A_socket_whose_slot_was_taken_names_its_service_only_if_it_asked_before(string vip, string backend)
    {
        AddService(vip, Frame.Tcp, (backend, 8080));
        using var silent = Call(vip, 80);
        using var curious = Call(vip, 80);
        curious.Cookie = 4712;
        Assert.Equal(1, Run("connect", silent));
        Assert.Equal(1, Run("connect", curious));
        using (var question = Call(backend, 8080))
        {
            question.Cookie = curious.Cookie;
            Assert.Equal(1, Run("getpeername", question));
            Assert.Equal((vip, (ushort)80), Where(question));
        }

        var slots = _bench.Map<uint, SocketSlot>("cilium_lb_sk_recent").Shape.MaxEntries;
        foreach (var cookie in new[] { silent.Cookie, curious.Cookie })
        {
            using var younger = Call(vip, 80);
            younger.Cookie = cookie + slots;
            Assert.Equal(1, Run("connect", younger));
            Assert.Equal(1, Run("getpeername", younger));
            Assert.Equal((vip, (ushort)80), Where(younger));
        }
        Assert.Equal(1, Run("getpeername", silent));
        Assert.Equal((backend, (ushort)8080), Where(silent));
        Assert.Equal(1, Run("getpeername", curious));
        Assert.Equal((vip, (ushort)80), Where(curious));
    }

    [Theory, InlineData("10.96.0.1", "10.96.0.2", "127.0.0.1"), InlineData("fd96::1", "fd96::2", "::1")]
    public void A_socket_that_asked_and_reaches_the_backend_by_another_service_names_that(string vip, string other, string backend)
    {
        AddService(vip, Frame.Tcp, (backend, 8080));
        AddService(other, Frame.Tcp, (backend, 8080));
        foreach (var service in new[] { vip, other, vip })
        {
            using var socket = Call(service, 80);
            Assert.Equal(1, Run("connect", socket));
            Assert.Equal((backend, (ushort)8080), Where(socket));
            Assert.Equal(1, Run("getpeername", socket));
            Assert.Equal((service, (ushort)80), Where(socket));
        }
    }

    [Theory, InlineData("10.96.0.1", "127.0.0.1"), InlineData("fd96::1", "::1")]
    public void A_socket_of_earlier_programs_names_its_service(string vip, string backend)
    {
        using var socket = Call(backend, 8080);
        _bench.Map<SocketRevNatKey, SocketRevNatValue>("cilium_lb_sk_rev").Update(
            new SocketRevNatKey(socket.Cookie, Bench.Address(backend), NetPort.From(8080), 0, 0), new SocketRevNatValue(Bench.Address(vip), NetPort.From(80), 0, 7));
        Assert.Equal(1, Run("getpeername", socket));
        Assert.Equal((vip, (ushort)80), Where(socket));
    }

    [Theory, InlineData("10.96.0.1", "127.0.0.1"), InlineData("fd96::1", "::1"), InlineData("::ffff:10.96.0.1", "127.0.0.1")]
    public void A_datagram_goes_to_the_backend_and_its_answer_comes_from_the_service(string vip, string backend)
    {
        AddService(vip, Frame.Udp, (backend, 53));
        using var socket = Call(vip, 80, Frame.Udp);
        Assert.Equal(1, Run("sendmsg", socket));
        Assert.Equal((backend, (ushort)53), Where(socket));
        Assert.Equal(1, Run("recvmsg", socket));
        Assert.Equal((Mapped(vip), (ushort)80), Where(socket));
        using var other = Call(backend, 53, Frame.Udp, isV6: IPAddress.Parse(vip).GetAddressBytes().Length == 16);
        other.Cookie = 99;
        Assert.Equal(1, Run("recvmsg", other));
        Assert.Equal((backend, (ushort)53), Where(other));
    }

    [Theory, InlineData("10.96.0.1"), InlineData("fd96::1")]
    public void Without_a_backend_the_call_fails_with_no_route_to_host(string vip)
    {
        AddService(vip, Frame.Tcp);
        using var socket = Call(vip, 80);
        Assert.Equal(0, Run("connect", socket));
        Assert.Equal(-113, socket.ReturnValue);
    }

    [Theory, InlineData("198.51.100.7"), InlineData("2001:db8:7::7")]
    public void An_external_address_is_taken_over_only_where_it_is_the_nodes_own(string address)
    {
        AddService(address, Frame.Tcp, (address.Contains(':', StringComparison.Ordinal) ? "::1" : "127.0.0.1", 8080));
        var frontends = _bench.Map<FrontendKey, FrontendValue>("cilium_lb_frontends");
        foreach (var (key, value) in frontends.ToDictionary())
            frontends.Update(key, value with { Flags = (ushort)(FrontendFlags.ExternalIP | FrontendFlags.Routable) });
        using var foreign = Call(address, 80);
        Assert.Equal(1, Run("connect", foreign));
        Assert.Equal((address, (ushort)80), Where(foreign));
        _bench.Map<Addr128, EndpointRow>("cilium_lxc").Update(
            Bench.Address(address), new EndpointRow(1, 0, EndpointFlags.Present | EndpointFlags.Host, 0, 0, default, default, 0, default, default));
        using var own = Call(address, 80);
        Assert.Equal(1, Run("connect", own));
        Assert.Equal(8080, Where(own).Item2);
    }

    [Theory, InlineData("10.96.0.1", "127.0.0."), InlineData("fd96::1", "::")]
    public void Processes_of_a_network_namespace_keep_their_backend(string vip, string prefix)
    {
        AddService(vip, Frame.Tcp, (prefix + "1", 8080), (prefix + "2", 8080));
        var frontends = _bench.Map<FrontendKey, FrontendValue>("cilium_lb_frontends");
        foreach (var (key, value) in frontends.ToDictionary())
            frontends.Update(key, value with { Flags = (ushort)FrontendFlags.Affinity, AffinitySeconds = 10 });
        foreach (var backend in new[] { 500u, 501u })
            _bench.Map<AffinityMember, uint>("cilium_lb_affinity_members").Update(new AffinityMember(7, backend), 1);
        Assert.Single(Choices(1));
        var all = Enumerable.Range(2, 40).SelectMany(cookie => Choices((ulong)cookie, 1)).ToHashSet();
        Assert.Equal(2, all.Count);
        Assert.All(_bench.Map<AffinityKey, AffinityValue>("cilium_lb_affinity").ToDictionary().Keys, key => Assert.Equal((7u, 1u), (key.ServiceId, key.IsSocket)));

        HashSet<string> Choices(ulong cookie, int count = 40) => [.. Enumerable.Range(0, count).Select(_ =>
        {
            using var socket = Call(vip, 80);
            socket.NetnsCookie = cookie;
            Assert.Equal(1, Run("connect", socket));
            return Where(socket).Address;
        })];
    }

    [Fact]
    public void What_finds_no_room_in_the_ring_is_counted_as_lost()
    {
        using var bench = new Bench(["sock"], obj => obj.SetConstant("enable_socket_events", (byte)1));
        AddService(bench, "10.96.0.1", Frame.Tcp, ("127.0.0.1", 8080));
        using var reader = new Cilium.Bpf.RingBufferReader(bench.Map("cilium_events"));
        var program = bench.Program("cil_sock4_connect");
        var calls = (bench.Map("cilium_events").Shape.MaxEntries / 128) + 100;
        for (var i = 0u; i < calls; i++)
        {
            using var socket = Call("10.96.0.1", 80);
            Assert.Equal(1, program.Run(socket));
        }
        var lost = new Cilium.Bpf.PerCpuBpfMap<uint, ulong>(bench.Map("cilium_lost")).Fold(0ul, (sum, value) => sum + value)[0];
        Assert.NotEqual(0ul, lost);
        Assert.Equal(2ul * calls, (ulong)reader.Drain(new Nobody()) + lost);
    }

    [Fact]
    public void What_is_no_service_is_left_alone()
    {
        AddService("10.96.0.1", Frame.Tcp, ("127.0.0.1", 8080));
        using var socket = Call("10.96.0.1", 81);
        Assert.Equal(1, Run("connect", socket));
        Assert.Equal(("10.96.0.1", (ushort)81), Where(socket));
        Assert.Empty(_bench.Map<SocketRevNatKey, SocketRevNatValue>("cilium_lb_sk_rev").ToDictionary());
    }

    public void Dispose() => _bench.Dispose();

    private static BpfSocketAddress Call(string address, ushort port, byte protocol = Frame.Tcp, bool isV6 = false)
    {
        var bytes = isV6 ? IPAddress.Parse(address).MapToIPv6().GetAddressBytes() : IPAddress.Parse(address).GetAddressBytes();
        var socket = new BpfSocketAddress
        {
            Family = bytes.Length == 4 ? 2u : 10u,
            Protocol = protocol,
            Type = protocol == Frame.Tcp ? 1u : 2u,
            Port = NetPort.From(port).Raw,
            Cookie = 4711,
            CgroupId = 5,
        };
        if (bytes.Length == 4)
            socket.Ipv4 = BitConverter.ToUInt32(bytes);
        else
            bytes.CopyTo(socket.Ipv6);
        return socket;
    }

    private static (string Address, ushort Port) Where(BpfSocketAddress socket) =>
        (Text(socket.Family == 2 ? new IPAddress(socket.Ipv4) : new IPAddress(socket.Ipv6)),
            System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((ushort)socket.Port));

    private static string Mapped(string address) => Text(IPAddress.Parse(address));

    private static string Text(IPAddress address) => (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();

    private int Run(string call, BpfSocketAddress socket) => _bench.Program($"cil_sock{(socket.Family == 2 ? 4 : 6)}_{call}").Run(socket);

    private void AddService(string vip, byte protocol, params (string Address, ushort Port)[] backends) => AddService(_bench, vip, protocol, backends);

    private static void AddService(Bench bench, string vip, byte protocol, params (string Address, ushort Port)[] backends)
    {
        for (var i = 0u; i < backends.Length; i++)
        {
            bench.Map<uint, BackendValue>("cilium_lb_backends").Update(500 + i, new BackendValue(Bench.Address(backends[i].Address), NetPort.From(backends[i].Port), protocol, 0));
            bench.Map<SlotKey, SlotValue>("cilium_lb_slots").Update(
                new SlotKey(7, i), new SlotValue(500 + i, Bench.Address(backends[i].Address), NetPort.From(backends[i].Port), protocol, 0));
        }
        bench.Map<FrontendKey, FrontendValue>("cilium_lb_frontends").Update(
            new FrontendKey(Bench.Address(vip), NetPort.From(80), protocol, 0), new FrontendValue(7, (ushort)backends.Length, 0));
    }

    private sealed class Nobody : Cilium.Bpf.IRingBufferSink
    {
        public void OnRecord(ReadOnlySpan<byte> record)
        {
        }
    }
}
