using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Cilium.KernelTests;

/// <summary>Between two nodes, VXLAN by the programs and by the tunnel device, in all pairs: they speak the same on the wire.</summary>
public sealed class EncapsulationTests
{
    private const int UdpSegment = 103;

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Pods_of_two_nodes_exchange_whatever_they_send(bool firstDirectly, bool secondDirectly)
    {
        using var first = new TestNode(1);
        using var second = new TestNode(2, first);
        first.Options.EncapsulateDirectly = firstDirectly;
        second.Options.EncapsulateDirectly = secondDirectly;
        await first.StartAsync();
        await second.StartAsync();
        TestPod a = first.AddPod(11), b = second.AddPod(12);
        await first.PutAsync(a.Row);
        await second.PutAsync(b.Row);
        first.Learn(second, b);
        second.Learn(first, a);
        Assert.True(await TestNode.HappensAsync(() => a.Pings(b.IPv4, 500)));
        foreach (var (from, to) in new[] { (a, b), (b, a) })
        {
            foreach (var address in new[] { to.IPv4, to.IPv6 })
            {
                Assert.True(from.Pings(address), $"ping {address}");
                Assert.True(PingsWith(from, address, 1400), $"large ping {address}");
                Assert.Equal(4 << 20, Carry(from, to, address, 4 << 20));
                Assert.Equal(10, Segments(from, to, address));
            }
        }
        // Larger than what fits: the tunnel device fragments it.
        Assert.True(PingsWith(a, b.IPv4, 1472));
    }

    private static bool PingsWith(TestPod pod, IPAddress address, int bytes) => pod.Namespace.Run(() =>
    {
        using var ping = new Ping();
        return ping.Send(address, TestNetwork.PatienceMilliseconds, new byte[bytes]).Status == IPStatus.Success;
    });

    /// <summary>Sends a stream and returns how many bytes of it arrived as they were sent.</summary>
    private static int Carry(TestPod from, TestPod to, IPAddress address, int bytes)
    {
        using var listener = to.Namespace.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(address, 9000));
        listener.Listen();
        var sent = new byte[bytes];
        new Random(bytes).NextBytes(sent);
        var received = new byte[bytes];
        var reading = Task.Run(() =>
        {
            using var connection = listener.Accept();
            connection.ReceiveTimeout = 60_000;
            var total = 0;
            for (int read; total < bytes && (read = connection.Receive(received.AsSpan(total))) > 0;)
                total += read;
            return total;
        });
        using var socket = from.Namespace.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        socket.Connect(address, 9000);
        socket.SendTimeout = 60_000;
        for (var done = 0; done < bytes;)
            done += socket.Send(sent.AsSpan(done));
        Assert.True(reading.Wait(TimeSpan.FromSeconds(60)));
        return sent.AsSpan().SequenceEqual(received) ? reading.Result : -1;
    }

    /// <summary>Sends ten datagrams in one call, which the kernel segments late (UDP_SEGMENT), and returns how many arrive.</summary>
    private static int Segments(TestPod from, TestPod to, IPAddress address)
    {
        using var receiver = to.Namespace.Run(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        receiver.Bind(new IPEndPoint(address, 9001));
        receiver.ReceiveTimeout = TestNetwork.PatienceMilliseconds;
        using var sender = from.Namespace.Run(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        sender.SetRawSocketOption((int)ProtocolType.Udp, UdpSegment, BitConverter.GetBytes(1000));
        sender.SendTo(new byte[10_000], new IPEndPoint(address, 9001));
        var count = 0;
        var buffer = new byte[2000];
        while (count < 10 && receiver.Receive(buffer) == 1000)
            count++;
        return count;
    }
}
