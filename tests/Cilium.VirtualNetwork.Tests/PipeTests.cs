using System.Buffers.Binary;
using System.IO.Pipelines;
using Cilium.Core;

namespace Cilium.VirtualNetwork.Tests;

public sealed class PipeTests
{
    [Fact]
    public async Task Two_fabrics_joined_by_pipes_are_one_network()
    {
        var (forth, back) = (new Pipe(), new Pipe());
        using var left = new Fabric(new FabricOptions { IsClosed = false });
        using var right = new Fabric(new FabricOptions { IsClosed = false });
        var a = Host(left, "10.0.0.1", out var leftPort);
        var b = Host(right, "10.0.0.2", out var rightPort);
        using var leftPipe = new FramePipe(leftPort, new Duplex(back.Reader, forth.Writer));
        using var rightPipe = new FramePipe(rightPort, new Duplex(forth.Reader, back.Writer));
        var echo = a.Sockets.Echo(IpAddr.Parse("10.0.0.2"));
        left.Run();
        for (var turn = 0; turn < 4 && echo.Replies.Count == 0; turn++)
        {
            Assert.True(await leftPipe.FlushAsync(CancellationToken.None));
            Assert.Equal(1, await rightPipe.ReceiveAsync(CancellationToken.None));
            right.Run();
            Assert.True(await rightPipe.FlushAsync(CancellationToken.None));
            Assert.Equal(1, await leftPipe.ReceiveAsync(CancellationToken.None));
            left.Run();
        }
        Assert.Single(echo.Replies);
        Assert.NotNull(b);
        await forth.Writer.CompleteAsync();
        Assert.Equal(-1, await rightPipe.ReceiveAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_length_that_no_frame_has_is_refused()
    {
        var pipe = new Pipe();
        using var fabric = new Fabric();
        Host(fabric, "10.0.0.1", out var port);
        using var frames = new FramePipe(port, new Duplex(pipe.Reader, new Pipe().Writer));
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, 3);
        await pipe.Writer.WriteAsync(bytes);
        await Assert.ThrowsAsync<InvalidDataException>(async () => await frames.ReceiveAsync(CancellationToken.None));
    }

    private static VirtualNamespace Host(Fabric fabric, string address, out VirtualPort port)
    {
        var ns = fabric.AddNode(address).Host;
        port = ns.AddPort("tap");
        port.AddAddress(IpAddr.Parse(address), 24);
        // Two fabrics give the same Ethernet addresses.
        port.Mac = new MacAddress(0x0A_00_00_00_00_00UL | IpAddr.Parse(address).IPv4Value);
        return ns;
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
