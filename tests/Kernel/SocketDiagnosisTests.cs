using System.Net;
using System.Net.Sockets;
using Cilium.Netlink;

namespace Cilium.KernelTests;

public sealed class SocketDiagnosisTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_connected_socket_is_found_and_ended(bool isOfIPv6, bool speaksIPv4)
    {
        using var net = new TestNamespaces();
        var peer = isOfIPv6 && !speaksIPv4 ? IPAddress.Parse("fd00:9::2") : speaksIPv4 ? TestNamespaces.RightAddress.MapToIPv6() : TestNamespaces.RightAddress;
        var family = isOfIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        using var socket = net.Left.Run(() => new Socket(family, SocketType.Dgram, ProtocolType.Udp));
        using var unconnected = net.Left.Run(() => new Socket(family, SocketType.Dgram, ProtocolType.Udp));
        if (isOfIPv6)
            (socket.DualMode, unconnected.DualMode) = (true, true);
        using var diagnosis = SocketDiagnosis.Open(net.Left);
        Assert.Empty(diagnosis.ConnectedUdp());

        socket.Connect(peer, 4000);
        unconnected.Bind(new IPEndPoint(isOfIPv6 ? IPAddress.IPv6Any : IPAddress.Any, 0));
        var found = Assert.Single(diagnosis.ConnectedUdp());
        Assert.Equal(new IPEndPoint(peer, 4000), found.Remote);
        Assert.Equal(socket.LocalEndPoint, found.Local);
        Assert.Equal(CookieOf(socket), found.Cookie);
        using (var elsewhere = SocketDiagnosis.Open(net.Right))
        {
            Assert.Empty(elsewhere.ConnectedUdp());
            Assert.False(elsewhere.DestroyUdp(found));
        }

        // Another socket in the same place is not meant.
        Assert.False(diagnosis.DestroyUdp(found with { Cookie = found.Cookie + 1 }));
        Assert.Single(diagnosis.ConnectedUdp());
        Assert.True(diagnosis.DestroyUdp(found));
        Assert.False(diagnosis.DestroyUdp(found));
        Assert.Empty(diagnosis.ConnectedUdp());
        Assert.Equal(SocketError.ConnectionAborted, Assert.Throws<SocketException>(() => socket.Receive(new byte[8])).SocketErrorCode);
    }

    [Fact]
    public void More_sockets_than_a_datagram_holds_are_all_told()
    {
        const int count = 1000;
        using var net = new TestNamespaces();
        var sockets = net.Left.Run(() => Enumerable.Range(0, count).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)).ToArray());
        try
        {
            for (var i = 0; i < count; i++)
                sockets[i].Connect(TestNamespaces.RightAddress, 5000 + i);
            using var diagnosis = SocketDiagnosis.Open(net.Left);
            Assert.Equal(Enumerable.Range(5000, count), diagnosis.ConnectedUdp().Select(socket => socket.Remote.Port).Order());
        }
        finally
        {
            foreach (var socket in sockets)
                socket.Dispose();
        }
    }

    private static ulong CookieOf(Socket socket)
    {
        const int socketLevel = 1, cookie = 57;
        var bytes = new byte[8];
        Assert.Equal(8, socket.GetRawSocketOption(socketLevel, cookie, bytes));
        return BitConverter.ToUInt64(bytes);
    }
}
