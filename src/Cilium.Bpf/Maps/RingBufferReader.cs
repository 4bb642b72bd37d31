using System.Runtime.InteropServices;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>
/// The consuming side of a ring buffer map, read directly from mapped memory without native callbacks or allocation.
/// There can be one reader per map, used by one thread at a time.
/// </summary>
public sealed unsafe class RingBufferReader : IDisposable
{
    private const uint BusyBit = 1u << 31;
    private const uint DiscardBit = 1u << 30;
    private const int HeaderBytes = 8;

    private readonly BpfMap _map;
    private readonly nint _pageBytes = Environment.SystemPageSize;
    private readonly nint _producerBytes;
    private readonly ulong _mask;
    private readonly BpfFd _epoll;
    private nint _consumer;
    private nint _producer;

    /// <summary>Maps the buffer. The map must stay open while the reader lives.</summary>
    /// <exception cref="ArgumentException">The map is not a ring buffer.</exception>
    /// <exception cref="KernelException">The memory could not be mapped.</exception>
    public RingBufferReader(BpfMap map)
    {
        if (map.Shape.Type != MapType.RingBuffer)
            throw new ArgumentException($"map {map.Name} is {map.Shape}, not a ring buffer");
        _map = map;
        _mask = map.Shape.MaxEntries - 1;
        // The kernel maps the data pages twice, so that a record that wraps around reads as one span.
        _producerBytes = _pageBytes + (2 * (nint)map.Shape.MaxEntries);
        _consumer = Map(_pageBytes, Libc.ProtReadWrite, 0);
        _producer = Map(_producerBytes, Libc.ProtRead, _pageBytes);
        _epoll = OpenEpoll();
    }

    /// <summary>Bytes written and not yet taken, headers included.</summary>
    public long PendingBytes => (long)(Volatile.Read(ref *(ulong*)_producer) - Volatile.Read(ref *(ulong*)_consumer));

    /// <summary>
    /// Sleeps until a producer wakes the readers or the time is over. Returns true when woken. Records written without a wake-up do
    /// not end the sleep, so that a producer that wakes seldom is read in large portions.
    /// </summary>
    public bool Wait(TimeSpan timeout)
    {
        var woken = stackalloc byte[Libc.EpollEventBytes];
        var result = Libc.epoll_wait(_epoll, woken, 1, (int)Math.Ceiling(timeout.TotalMilliseconds));
        if (result < 0 && Marshal.GetLastPInvokeError() is var errno && errno != Errno.Interrupted)
            throw new KernelException("epoll_wait", errno, _map.Name);
        return result > 0;
    }

    /// <summary>Hands over records until none is ready or <paramref name="limit"/> is reached. Returns how many.</summary>
    public int Drain<TSink>(TSink sink, int limit = int.MaxValue)
        where TSink : IRingBufferSink
    {
        ObjectDisposedException.ThrowIf(_consumer == 0, this);
        var count = 0;
        var data = (byte*)_producer + _pageBytes;
        var position = Volatile.Read(ref *(ulong*)_consumer);
        while (count < limit)
        {
            var end = Volatile.Read(ref *(ulong*)_producer);
            if (position >= end)
                break;
            while (position < end && count < limit)
            {
                var header = data + (nint)(position & _mask);
                var length = Volatile.Read(ref *(uint*)header);
                if ((length & BusyBit) != 0)
                    return count;
                var bytes = length & ~DiscardBit;
                if ((length & DiscardBit) == 0)
                {
                    sink.OnRecord(new ReadOnlySpan<byte>(header + HeaderBytes, (int)bytes));
                    count++;
                }
                position += (bytes + HeaderBytes + 7) & ~7u;
                Volatile.Write(ref *(ulong*)_consumer, position);
            }
        }
        return count;
    }

    /// <summary>Unmaps the memory.</summary>
    public void Dispose()
    {
        _epoll.Dispose();
        Unmap(ref _consumer, _pageBytes);
        Unmap(ref _producer, _producerBytes);
        GC.SuppressFinalize(this);
    }

    /// <summary>Unmaps the memory of a forgotten reader.</summary>
    ~RingBufferReader()
    {
        Unmap(ref _consumer, _pageBytes);
        Unmap(ref _producer, _producerBytes);
    }

    private static void Unmap(ref nint address, nint length)
    {
        var mapped = Interlocked.Exchange(ref address, 0);
        if (mapped != 0)
            _ = Libc.munmap(mapped, length);
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
        var interest = stackalloc byte[Libc.EpollEventBytes];
        new Span<byte>(interest, Libc.EpollEventBytes).Clear();
        *(uint*)interest = Libc.EpollIn | Libc.EpollEdge;
        if (Libc.epoll_ctl(fd, Libc.EpollAdd, _map.Fd, interest) != 0)
            throw new KernelException("epoll_ctl", Marshal.GetLastPInvokeError(), _map.Name);
        return fd;
    }
}
