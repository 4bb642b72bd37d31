using System.Runtime.InteropServices;

namespace Cilium.Bpf.Native;

/// <summary>A ring buffer of the kernel, mapped into this process.</summary>
internal sealed unsafe class KernelRing : RingMemory
{
    private readonly KernelMap _map;
    private readonly nint _pageBytes = Environment.SystemPageSize;
    private readonly nint _producerBytes;
    private readonly BpfFd _epoll;
    private readonly BpfFd _alarm;

    internal KernelRing(KernelMap map)
    {
        _map = map;
        // The kernel maps the data pages twice, so that a record that wraps around reads as one span.
        _producerBytes = _pageBytes + (2 * (nint)map.Shape.MaxEntries);
        Consumer = Map(_pageBytes, Libc.ProtReadWrite, 0);
        Producer = Map(_producerBytes, Libc.ProtRead, _pageBytes);
        Data = Producer + _pageBytes;
        _epoll = OpenEpoll();
        _alarm = OpenAlarm();
    }

    /// <summary>Unmaps the memory of a forgotten reader.</summary>
    ~KernelRing() => Unmap();

    internal override bool Wait(TimeSpan timeout)
    {
        var woken = stackalloc byte[Libc.EpollEventBytes];
        var result = Libc.epoll_wait(_epoll, woken, 1, (int)Math.Ceiling(timeout.TotalMilliseconds));
        if (result < 0 && Marshal.GetLastPInvokeError() is var errno && errno != Errno.Interrupted)
            throw new KernelException("epoll_wait", errno, _map.Name);
        return result > 0;
    }

    internal override void Wake()
    {
        // Edges are waited for: every write is one, and nobody has to read the sum.
        var one = 1UL;
        if (Libc.write(_alarm, &one, sizeof(ulong)) < 0)
            throw new KernelException("write", Marshal.GetLastPInvokeError(), $"the alarm of {_map.Name}");
    }

    public override void Dispose()
    {
        _epoll.Dispose();
        _alarm.Dispose();
        Unmap();
        GC.SuppressFinalize(this);
    }

    private void Unmap()
    {
        if (Consumer != 0)
            _ = Libc.munmap(Consumer, _pageBytes);
        if (Producer != 0)
            _ = Libc.munmap(Producer, _producerBytes);
        Consumer = 0;
        Producer = 0;
        Data = 0;
    }

    private nint Map(nint length, int protection, nint offset)
    {
        var address = Libc.mmap(0, length, protection, Libc.MapShared, _map.Fd, offset);
        return address != -1 ? address : throw new KernelException("mmap", Marshal.GetLastPInvokeError(), _map.Name);
    }

    private BpfFd OpenEpoll()
    {
        var epoll = Libc.epoll_create1(Libc.EpollCloseOnExec);
        if (epoll < 0)
            throw new KernelException("epoll_create1", Marshal.GetLastPInvokeError(), _map.Name);
        var fd = new BpfFd(epoll);
        Watch(fd, _map.Fd);
        return fd;
    }

    private BpfFd OpenAlarm()
    {
        var alarm = Libc.eventfd(0, Libc.EventFdCloseOnExec);
        if (alarm < 0)
            throw new KernelException("eventfd", Marshal.GetLastPInvokeError(), _map.Name);
        var fd = new BpfFd(alarm);
        Watch(_epoll, fd);
        return fd;
    }

    private void Watch(BpfFd epoll, BpfFd fd)
    {
        var interest = stackalloc byte[Libc.EpollEventBytes];
        new Span<byte>(interest, Libc.EpollEventBytes).Clear();
        *(uint*)interest = Libc.EpollIn | Libc.EpollEdge;
        if (Libc.epoll_ctl(epoll, Libc.EpollAdd, fd, interest) != 0)
            throw new KernelException("epoll_ctl", Marshal.GetLastPInvokeError(), _map.Name);
    }
}
