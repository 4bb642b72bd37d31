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

    private readonly RingMemory _ring;
    private readonly ulong _mask;

    /// <summary>Maps the buffer. The map must stay open while the reader lives.</summary>
    /// <exception cref="ArgumentException">The map is not a ring buffer.</exception>
    /// <exception cref="KernelException">The memory could not be mapped.</exception>
    public RingBufferReader(BpfMap map)
    {
        if (map.Shape.Type != MapType.RingBuffer)
            throw new ArgumentException($"map {map.Name} is {map.Shape}, not a ring buffer");
        _mask = map.Shape.MaxEntries - 1;
        _ring = map.Backend.OpenRing();
    }

    /// <summary>Bytes written and not yet taken, headers included.</summary>
    public long PendingBytes
    {
        get
        {
            ObjectDisposedException.ThrowIf(_ring.Consumer == 0, this);
            return (long)(Volatile.Read(ref *(ulong*)_ring.Producer) - Volatile.Read(ref *(ulong*)_ring.Consumer));
        }
    }

    /// <summary>
    /// Sleeps until a producer wakes the readers or the time is over. Returns true when woken. Records written without a wake-up do
    /// not end the sleep, so that a producer that wakes seldom is read in large portions.
    /// </summary>
    public bool Wait(TimeSpan timeout) => _ring.Wait(timeout);

    /// <summary>Ends the <see cref="Wait"/> that another thread is in, or else its next one. The reader must not be disposed meanwhile.</summary>
    public void Wake() => _ring.Wake();

    /// <summary>Hands over records until none is ready or <paramref name="limit"/> is reached. Returns how many.</summary>
    public int Drain<TSink>(TSink sink, int limit = int.MaxValue)
        where TSink : IRingBufferSink
    {
        var consumer = (ulong*)_ring.Consumer;
        var producer = (ulong*)_ring.Producer;
        ObjectDisposedException.ThrowIf(consumer == null, this);
        var count = 0;
        var data = (byte*)_ring.Data;
        var position = Volatile.Read(ref *consumer);
        while (count < limit)
        {
            var end = Volatile.Read(ref *producer);
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
                Volatile.Write(ref *consumer, position);
            }
        }
        GC.KeepAlive(_ring);
        return count;
    }

    /// <summary>Unmaps the memory.</summary>
    public void Dispose() => _ring.Dispose();
}
