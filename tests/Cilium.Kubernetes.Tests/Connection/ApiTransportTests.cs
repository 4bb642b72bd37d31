using System.Net;
using System.Net.Sockets;

namespace Cilium.Kubernetes.Tests.Connection;

public sealed class ApiTransportTests
{
    private const int Tcp = 6;
    private const int TcpUserTimeout = 18;

    [Fact]
    public async Task The_kernel_watches_over_a_connection_and_gives_a_silent_server_half_a_minute()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        using var socket = await ApiTransport.OpenAsync(server.LocalEndpoint, TestContext.Current.CancellationToken);
        Assert.Equal(1, socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive));
        var idle = (int)socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime)!;
        var interval = (int)socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval)!;
        var probes = (int)socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount)!;
        Assert.Equal(30, idle + (probes * interval));
        var longest = new byte[sizeof(int)];
        Assert.Equal(sizeof(int), socket.GetRawSocketOption(Tcp, TcpUserTimeout, longest));
        Assert.Equal(30_000, BitConverter.ToInt32(longest));
    }

    [Fact]
    public async Task A_server_that_is_not_there_refuses()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var address = server.LocalEndpoint;
        server.Stop();
        await Assert.ThrowsAsync<SocketException>(async () => await ApiTransport.OpenAsync(address, TestContext.Current.CancellationToken));
    }
}
