using Cilium.Bpf.InProcess;

namespace Cilium.Bpf.Tests;

/// <summary>Contexts own native memory: what looks into it when it is freed is refused.</summary>
public sealed class DisposedContextTests
{
    // Where memory is freed a second time, the allocator ends the process or gives the same memory to two packets.
    [Fact]
    public void A_packet_is_disposed_as_often_as_one_likes()
    {
        for (var i = 0; i < 100; i++)
        {
            var packet = new BpfPacket();
            packet.Dispose();
            packet.Dispose();
            using var first = new BpfPacket();
            using var second = new BpfPacket();
            first.Mark = 1;
            second.Mark = 2;
            Assert.Equal((1u, 2u), (first.Mark, second.Mark));
        }
    }

    [Fact]
    public void A_disposed_packet_is_neither_read_nor_written()
    {
        var packet = new BpfPacket();
        packet.Load(new byte[64]);
        packet.Dispose();
        Assert.Throws<ObjectDisposedException>(() => packet.Load(new byte[64]));
        Assert.Throws<ObjectDisposedException>(() => packet.Bytes.Length);
        Assert.Throws<ObjectDisposedException>(() => packet.Metadata.Length);
        Assert.Throws<ObjectDisposedException>(() => packet.Edit().Length);
        Assert.Throws<ObjectDisposedException>(packet.ForgetControlBlock);
        Assert.Throws<ObjectDisposedException>(() => packet.Mark);
        Assert.Throws<ObjectDisposedException>(() => packet.Mark = 1);
        Assert.Throws<ObjectDisposedException>(() => packet.IngressIfindex = 1);
        Assert.Throws<ObjectDisposedException>(() => packet.RxQueue);
        Assert.Throws<ObjectDisposedException>(() => packet.Begin(ProgramType.SchedCls));
        Assert.Throws<ObjectDisposedException>(() => packet.Begin(ProgramType.Xdp));
    }

    [Fact]
    public void A_disposed_address_is_neither_read_nor_written()
    {
        var address = new BpfSocketAddress { Family = 2 };
        address.Dispose();
        address.Dispose();
        Assert.Throws<ObjectDisposedException>(() => address.Family);
        Assert.Throws<ObjectDisposedException>(() => address.Port = 1);
        Assert.Throws<ObjectDisposedException>(() => address.Ipv6.Length);
        Assert.Throws<ObjectDisposedException>(() => address.Fields.Length);
        Assert.Throws<ObjectDisposedException>(() => address.Begin(ProgramType.CgroupSockAddr));
    }
}
