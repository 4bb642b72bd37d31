using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;

namespace Cilium.Hubble.Flows;

/// <summary>The node's last events: one writer, which never waits and allocates nothing, and any number of readers.</summary>
/// <remarks>
/// Every slot carries a sequence number that is odd while the slot is written (a seqlock): a reader copies the slot and then looks whether
/// the number has stayed the same. An overtaken reader is told so and never sees half an event. One slot more than the capacity exists
/// for the writer. The events are kept as the datapath gave them; text and protobuf are made when they are read.
/// </remarks>
public sealed class FlowRing : IDatapathEventSink
{
    /// <summary>How many bytes of each packet are kept; longer captures are cut.</summary>
    public const int PacketBytes = 128;

    private readonly Slot[] _slots;
    private readonly byte[] _packets;
    private readonly int _mask;
    private readonly HubbleIndex _index;
    private readonly TimeProvider _time;
    private readonly FlowSignal _signal = new();
    private long _head;
    private long _seen;
    private long _lost;

    /// <summary>Makes an empty ring.</summary>
    /// <param name="capacity">How many events are kept: a power of two minus one, 1 to 65535.</param>
    /// <param name="index">Whose version of the moment is kept with each event.</param>
    /// <param name="time">The clock whose timestamp dates lost events; must be CLOCK_MONOTONIC to agree with the datapath's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is not of that form.</exception>
    public FlowRing(int capacity, HubbleIndex index, TimeProvider time)
    {
        if (capacity is < 1 or > 65535 || (capacity & (capacity + 1)) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "hubble-event-buffer-capacity must be 2^n-1, from 1 to 65535");
        }

        Capacity = capacity;
        _mask = capacity;
        _slots = new Slot[capacity + 1];
        _packets = new byte[(capacity + 1) * PacketBytes];
        _index = index;
        _time = time;
    }

    /// <summary>How many events are kept.</summary>
    public int Capacity { get; }

    /// <summary>The position that the next event will have; positions count from 0 and never wrap.</summary>
    public long Head => Volatile.Read(ref _head);

    /// <summary>The position of the oldest event that is kept.</summary>
    public long Oldest => Math.Max(0, Head - Capacity);

    /// <summary>Events recorded since the start, without reports of losses.</summary>
    public long SeenFlows => Volatile.Read(ref _seen);

    /// <summary>Events that the datapath reported as lost since the start.</summary>
    public long LostEvents => Volatile.Read(ref _lost);

    /// <inheritdoc/>
    public void OnEvent(in DatapathEvent datapathEvent, ReadOnlySpan<byte> packet)
    {
        var length = Math.Min(packet.Length, PacketBytes);
        var position = _head;
        var at = (int)position & _mask;
        ref var slot = ref _slots[at];
        Volatile.Write(ref slot.Sequence, (position << 1) | 1);
        Volatile.WriteBarrier();
        slot.Event = datapathEvent;
        slot.Lost = 0;
        slot.PacketLength = (byte)length;
        slot.Snapshot = _index.Current;
        packet[..length].CopyTo(_packets.AsSpan(at * PacketBytes, PacketBytes));
        Publish(ref slot, position);
        Volatile.Write(ref _seen, _seen + 1);
    }

    /// <inheritdoc/>
    public void OnLost(ulong count)
    {
        if (count == 0)
        {
            return;
        }

        var position = _head;
        ref var slot = ref _slots[(int)position & _mask];
        Volatile.Write(ref slot.Sequence, (position << 1) | 1);
        Volatile.WriteBarrier();
        slot.Event = new DatapathEvent { MonotonicNs = FlowClock.MonotonicNs(_time) };
        slot.Lost = count;
        slot.PacketLength = 0;
        slot.Snapshot = null;
        Publish(ref slot, position);
        Volatile.Write(ref _lost, _lost + (long)count);
    }

    /// <summary>Copies the event at a position.</summary>
    /// <param name="position">The position.</param>
    /// <param name="record">The copy; its packet bytes lie in <paramref name="packet"/>.</param>
    /// <param name="packet">At least <see cref="PacketBytes"/> bytes.</param>
    public FlowReadResult Read(long position, out FlowRecord record, Span<byte> packet)
    {
        record = default;
        var head = Head;
        if (position >= head)
        {
            return FlowReadResult.NotWritten;
        }

        if (position < head - Capacity)
        {
            return FlowReadResult.Overwritten;
        }

        var at = (int)position & _mask;
        ref var slot = ref _slots[at];
        var before = Volatile.Read(ref slot.Sequence);
        if (before != position << 1)
        {
            return FlowReadResult.Overwritten;
        }

        record = new FlowRecord(position, slot.Event, slot.Lost, slot.PacketLength, slot.Snapshot);
        _packets.AsSpan(at * PacketBytes, PacketBytes).CopyTo(packet);
        Volatile.ReadBarrier();
        if (Volatile.Read(ref slot.Sequence) == before)
        {
            return FlowReadResult.Ok;
        }

        record = default;
        return FlowReadResult.Overwritten;
    }

    /// <summary>Completes when the event at a position has been written.</summary>
    public ValueTask WaitAsync(long position, CancellationToken cancellationToken) =>
        Head > position ? ValueTask.CompletedTask : new ValueTask(_signal.WaitAsync(this, position, _time, cancellationToken));

    private void Publish(ref Slot slot, long position)
    {
        Volatile.Write(ref slot.Sequence, position << 1);
        Volatile.Write(ref _head, position + 1);
        _signal.Raise();
    }

    private struct Slot
    {
        public long Sequence;
        public DatapathEvent Event;
        public ulong Lost;
        public HubbleSnapshot? Snapshot;
        public byte PacketLength;
    }
}
