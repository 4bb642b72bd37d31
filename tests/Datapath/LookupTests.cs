using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using static Cilium.DatapathTests.LookupQuestion;

namespace Cilium.DatapathTests;

/// <summary>Sockets that programs look up: the same on both engines.</summary>
public sealed class LookupTests
{
    private const uint Established = 1, Closed = 7, Listening = 10;
    private const AddressFamily V4 = AddressFamily.InterNetwork, V6 = AddressFamily.InterNetworkV6;

    public static TheoryData<string> Programs => ["look", "look_early", "look_by_call"];

    [Theory, MemberData(nameof(Programs))]
    public void A_listener_is_found_from_each_hook_and_nothing_where_there_is_none(string program)
    {
        using var bench = TestSockets.Create(TestEngine.Create());
        Assert.True(bench.Open(new(V4, ProtocolType.Tcp, At("0.0.0.0", 40000)) { Mark = 7, Priority = 3 }));
        Assert.True(bench.Open(new(V4, ProtocolType.Udp, At("127.0.0.1", 40000)) { Mark = 8 }));
        foreach (var kind in new[] { Tcp, TcpOrRequest })
        {
            var found = bench.Ask(program, About(kind, At("127.0.0.9", 1), At("127.0.0.1", 40000)));
            Assert.Equal((1u, 2u, "0.0.0.0", 40000u, "0.0.0.0", 0u, Listening, -1), (
                found.Found, found.Family, found.LocalIPv4, found.LocalPort, found.RemoteIPv4, found.RemotePort, found.State, found.RxQueue));
            Assert.Equal((found.IsFull, found.IsFull * 7, found.IsFull * 3, found.IsFull * 6), (found.IsFull, found.Mark, found.Priority, found.Protocol));
            Assert.Equal(kind == Tcp || program == "look" ? 1u : 0u, found.IsFull);
            Assert.Equal(default, bench.Ask(program, About(kind, At("127.0.0.9", 1), At("127.0.0.1", 40001))));
        }
        Assert.Equal((8u, 17u, 2u, Closed), bench.Ask(program, About(Udp, At("127.0.0.9", 1), At("127.0.0.1", 40000))) is var udp
            ? (udp.Mark, udp.Protocol, udp.Type, udp.State) : default);
        Assert.Equal(default, bench.Ask(program, About(Udp, At("127.0.0.9", 1), At("127.0.0.2", 40000))));
        Assert.Equal(default, bench.Ask(program, About(Tcp, At("::1", 1), At("::1", 40000))));
    }

    [Theory]
    [InlineData(ulong.MaxValue, 0ul, 0u, true), InlineData(0xFFFF_FFFFul, 0ul, 0u, true), InlineData(0x1_8000_0000ul, 0ul, 0u, true)]
    [InlineData(0ul, 0ul, 0u, false), InlineData(0x7FFF_FFFFul, 0ul, 0u, false), InlineData(0x1_0000_0000ul, 0ul, 0u, false)]
    [InlineData(ulong.MaxValue, 1ul, 0u, false), InlineData(ulong.MaxValue, 0ul, 20u, false), InlineData(ulong.MaxValue, 0ul, 36u, false)]
    public void Namespace_flags_and_length_are_as_they_must_be_or_nothing_is_found(ulong netns, ulong flags, uint bytes, bool isFound)
    {
        using var bench = TestSockets.Create(TestEngine.Create());
        Assert.True(bench.Open(new(V4, ProtocolType.Tcp, At("0.0.0.0", 40000))));
        foreach (var program in Programs)
        {
            foreach (var kind in new[] { Tcp, TcpOrRequest })
                Assert.Equal(isFound ? 1u : 0, bench.Ask(program, About(kind, At("127.0.0.9", 1), At("127.0.0.1", 40000), netns, flags, bytes)).Found);
        }
    }

    [Theory]
    [InlineData(V4, "127.0.0.1", "127.0.0.2"), InlineData(V6, "fd00::1", "fd00::2"), InlineData(V6, "::ffff:127.0.0.1", "127.0.0.2")]
    public void Both_ends_of_a_connection_come_before_who_listens(AddressFamily family, string local, string remote)
    {
        using var bench = TestSockets.Create(TestEngine.Create());
        Assert.True(bench.Open(new(V4, ProtocolType.Tcp, At("0.0.0.0", 40000)) { SharesPort = true, Mark = 1 }));
        Assert.True(bench.Open(new(V6, ProtocolType.Tcp, At("::", 40000)) { SharesPort = true, Mark = 2, IsIPv6Only = true }));
        Assert.True(bench.Open(new(family, ProtocolType.Tcp, At(local, 40000)) { SharesPort = true, Mark = 3, Remote = At(remote, 50000) }));
        var (from, to) = (At(remote, 50000), At(local.Replace("::ffff:", "", StringComparison.Ordinal), 40000));
        var found = bench.Ask("look", About(Tcp, from, to));
        Assert.Equal((3u, Established, 40000u, (uint)BinaryPrimitives.ReverseEndianness((ushort)50000)), (found.Mark, found.State, found.LocalPort, found.RemotePort));
        Assert.Equal((family == V4 ? 2u : 10u, 1u, 6u), (found.Family, found.Type, found.Protocol));
        Assert.Equal(1003u, bench.Ask("look", About(Tcp, to, from)).Mark);
        Assert.Equal((1u, 1u), bench.Ask("look", About(TcpOrRequest, to, from)) is var request ? (request.Found, request.IsFull) : default);
        Assert.Equal(family == V6 && to.AddressFamily == V6 ? 2u : 1, bench.Ask("look", About(Tcp, At(remote, 50001), to)).Mark);
    }

    [Fact]
    public void What_is_exact_comes_before_any_and_a_device_before_all()
    {
        using var bench = TestSockets.Create(TestEngine.Create());
        Assert.True(bench.Open(new(V6, ProtocolType.Tcp, At("::", 40000)) { SharesPort = true, Mark = 1 }));
        Assert.True(bench.Open(new(V4, ProtocolType.Tcp, At("0.0.0.0", 40000)) { SharesPort = true, Mark = 2 }));
        Assert.True(bench.Open(new(V4, ProtocolType.Tcp, At("127.0.0.1", 40000)) { SharesPort = true, Mark = 3 }));
        Assert.True(bench.Open(new(V4, ProtocolType.Tcp, At("127.0.0.1", 40000)) { SharesPort = true, Mark = 4, Device = 2 }));
        Assert.True(bench.Open(new(V6, ProtocolType.Tcp, At("fd00::1", 40000)) { SharesPort = true, Mark = 5, IsIPv6Only = true }));
        Assert.True(bench.Open(new(V6, ProtocolType.Tcp, At("::", 40001)) { SharesPort = true, Mark = 6, IsIPv6Only = true }));
        Assert.True(bench.Open(new(V6, ProtocolType.Tcp, At("::", 40002)) { SharesPort = true, Mark = 7 }));
        Assert.Equal([3u, 4u, 2u, 2u], Marks(At("127.0.0.1", 40000), At("127.0.0.2", 40000)));
        Assert.Equal([5u, 5u, 1u, 1u], Marks(At("fd00::1", 40000), At("fd00::2", 40000)));
        Assert.Equal([0u, 0u, 6u, 6u], Marks(At("127.0.0.1", 40001), At("fd00::1", 40001)));
        Assert.Equal([7u, 7u, 7u, 7u], Marks(At("127.0.0.1", 40002), At("fd00::1", 40002)));

        uint[] Marks(params IPEndPoint[] to) => [.. to.SelectMany(end => new[] { 1, 2 }.Select(device =>
            bench.Ask("look", About(Tcp, new IPEndPoint(end.AddressFamily == V4 ? IPAddress.Loopback : IPAddress.IPv6Loopback, 1), end), device).Mark))];
    }

    [Fact]
    public void A_datagram_socket_with_another_end_comes_before_one_without()
    {
        using var bench = TestSockets.Create(TestEngine.Create());
        Assert.True(bench.Open(new(V4, ProtocolType.Udp, At("127.0.0.1", 40000)) { Mark = 1, Remote = At("127.0.0.2", 50000) }));
        Assert.True(bench.Open(new(V4, ProtocolType.Udp, At("127.0.0.1", 40000)) { Mark = 2 }));
        Assert.True(bench.Open(new(V4, ProtocolType.Udp, At("127.0.0.1", 40000)) { Mark = 3, Device = 2 }));
        Assert.True(bench.Open(new(V6, ProtocolType.Udp, At("::", 40000)) { Mark = 4 }));
        var connected = bench.Ask("look", About(Udp, At("127.0.0.2", 50000), At("127.0.0.1", 40000)));
        Assert.Equal((1u, Established, "127.0.0.1", "127.0.0.2"), (connected.Mark, connected.State, connected.LocalIPv4, connected.RemoteIPv4));
        Assert.Equal(2u, bench.Ask("look", About(Udp, At("127.0.0.2", 50001), At("127.0.0.1", 40000))).Mark);
        Assert.Equal(3u, bench.Ask("look", About(Udp, At("127.0.0.2", 50001), At("127.0.0.1", 40000)), device: 2) is var bound ? (bound.Bound == 2 ? bound.Mark : 0) : 0);
        Assert.Equal(4u, bench.Ask("look", About(Udp, At("127.0.0.2", 50001), At("127.0.0.3", 40000))).Mark);
        Assert.Equal(4u, bench.Ask("look", About(Udp, At("fd00::2", 50001), At("fd00::1", 40000))).Mark);
    }

    [Fact]
    public void What_is_stored_on_a_socket_that_was_found_is_found_again()
    {
        using var bench = TestSockets.Create(TestEngine.Create());
        Assert.True(bench.Open(new(V4, ProtocolType.Udp, At("127.0.0.1", 40000))));
        Assert.True(bench.Open(new(V4, ProtocolType.Udp, At("127.0.0.2", 40000))));
        var (one, two) = (About(Udp, At("127.0.0.9", 1), At("127.0.0.1", 40000)), About(Udp, At("127.0.0.9", 1), At("127.0.0.2", 40000)));
        Assert.Equal([1u, 2u, 1u, 3u], new[] { one, one, two, one }.Select(question => bench.Ask("look", question).Count));
    }

    [Fact]
    public void Engines_agree_on_random_sockets_and_questions()
    {
        var benches = TestEngine.Compared().Select(TestSockets.Create).ToArray();
        var (opened, found) = (0, 0);
        try
        {
            Differential.Check(300, 60, choices =>
            {
                foreach (var bench in benches)
                    bench.CloseAll();
                var sockets = new List<TestSocket>();
                var used = new HashSet<(AddressFamily, ProtocolType, IPEndPoint, int)>();
                for (var i = 1 + choices.Below(6); i > 0; i--)
                {
                    var socket = RandomSocket(choices, (uint)i);
                    // Of a group of sockets that are equal in all, the kernel takes one by a hash that is its own.
                    if (socket.SharesPort && !used.Add((socket.Family, socket.Protocol, socket.Local, socket.Device)))
                        continue;
                    if (!benches[0].Open(socket))
                        continue;
                    opened++;
                    sockets.Add(socket);
                    foreach (var bench in benches[1..])
                        Assert.True(bench.Open(socket));
                }
                for (var i = 0; i < 12; i++)
                {
                    var (question, device) = (RandomQuestion(choices), 1 + choices.Below(2));
                    var program = choices.OneIn(3) ? "look_early" : "look";
                    var expected = benches[0].Ask(program, question, device);
                    found += (int)expected.Found;
                    foreach (var bench in benches[1..])
                    {
                        var answer = bench.Ask(program, question, device);
                        Assert.True(expected == answer, $"{expected}\nand {answer}\nby device {device} for {question}\nof {string.Join("\n   ", sockets)}");
                    }
                }
            });
        }
        finally
        {
            foreach (var bench in benches)
                bench.Dispose();
        }
        Assert.True(opened > 500 && found > 300, $"only {opened} sockets were opened and {found} found");
    }

    private static TestSocket RandomSocket(Choices choices, uint mark)
    {
        var family = choices.Of(V4, V6, V6);
        var protocol = choices.Of(ProtocolType.Tcp, ProtocolType.Udp);
        var hasRemote = choices.OneIn(3);
        var isV4 = family == V4 || choices.OneIn(3);
        var address = hasRemote ? choices.Of(0, 1) : choices.Of(0, 1, 2, 2);
        string[] locals = isV4 ? ["127.0.0.1", "127.0.0.2", "0.0.0.0"] : ["fd00::1", "fd00::2", "::"];
        var local = locals[address];
        if (isV4 && family == V6)
            local = "::ffff:" + local;
        var remote = isV4 ? choices.Of("127.0.0.1", "127.0.0.2") : choices.Of("fd00::1", "fd00::2");
        if (isV4 && family == V6 && protocol == ProtocolType.Udp)
            remote = "::ffff:" + remote;
        return new TestSocket(family, protocol, At(local, 40000 + choices.Below(2)))
        {
            Remote = hasRemote ? At(remote, 50000 + choices.Below(2)) : null,
            Device = hasRemote ? 0 : choices.Of(0, 0, 1, 2),
            IsIPv6Only = family == V6 && !isV4 && choices.OneIn(4),
            SharesPort = !hasRemote && choices.OneIn(2),
            Mark = mark,
            Priority = choices.Below(7),
        };
    }

    private static LookupQuestion RandomQuestion(Choices choices)
    {
        string[] addresses = choices.Of(0, 0, 1, 1, 2) switch
        {
            0 => ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2", "127.0.0.6", "0.0.0.0"],
            1 => ["fd00::1", "fd00::2", "fd00::1", "fd00::2", "::1", "::"],
            _ => ["::ffff:127.0.0.1", "::ffff:127.0.0.2", "::ffff:0.0.0.0", "fd00::1"],
        };
        var (own, other) = (At(choices.Of<string>(addresses), 40000 + choices.Below(2)), At(choices.Of<string>(addresses), 50000 + choices.Below(2)));
        return choices.OneIn(5) ? About(choices.Of(Tcp, Udp, TcpOrRequest), own, other) : About(choices.Of(Tcp, Udp, TcpOrRequest), other, own);
    }

    private static IPEndPoint At(string address, int port) => new(IPAddress.Parse(address), port);
}
