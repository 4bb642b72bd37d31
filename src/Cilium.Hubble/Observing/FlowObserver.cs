using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Flows;

namespace Cilium.Hubble.Observing;

/// <summary>What one node has seen: the ring, what is known about addresses, and how to make flows of them.</summary>
/// <remarks>The heart of Hubble without any transport; also what programs of your own embed. Thread-safe.</remarks>
public sealed class FlowObserver
{
    private const double RateWindowSeconds = 60;
    private readonly TimeProvider _time;
    private readonly long _startedAt;
    private readonly FlowBuilder _builder;

    /// <summary>Makes an observer with an empty ring.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is not 2^n-1.</exception>
    public FlowObserver(HubbleOptions options, HubbleIndex index, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        Options = options;
        Index = index;
        _time = time;
        _startedAt = time.GetTimestamp();
        Ring = new FlowRing(options.EventBufferCapacity, index, time);
        _builder = new FlowBuilder(new FlowClock(time), options.ClusterName, options.NodeName, time.GetUtcNow().Ticks);
    }

    /// <summary>The options.</summary>
    public HubbleOptions Options { get; }

    /// <summary>The names behind the numbers; written by the control plane.</summary>
    public HubbleIndex Index { get; }

    /// <summary>The events; give this to the datapath's reader as its sink.</summary>
    public FlowRing Ring { get; }

    /// <summary>The node as flows name it: <c>cluster/node</c>.</summary>
    public string NodeName => _builder.NodeName;

    /// <summary>How many events are in the ring.</summary>
    public long FlowCount => Math.Min(Ring.Head, Ring.Capacity);

    /// <summary>How long this observer has existed.</summary>
    public TimeSpan Uptime => _time.GetElapsedTime(_startedAt);

    /// <summary>Flows of a request, oldest first.</summary>
    /// <exception cref="Filters.FlowFilterException">A field of the request cannot be understood.</exception>
    public IAsyncEnumerable<Proto.GetFlowsResponse> GetFlowsAsync(Proto.GetFlowsRequest request, CancellationToken cancellationToken) =>
        new FlowQuery(Ring, _builder, request).RunAsync(cancellationToken);

    /// <summary>Events per second over the last minute, as far as the ring reaches back.</summary>
    public double FlowsPerSecond()
    {
        var now = FlowClock.MonotonicNs(_time);
        var packet = new byte[FlowRing.PacketBytes];
        long low = Ring.Oldest, high = Ring.Head;
        var newest = high;
        var since = now - (ulong)(RateWindowSeconds * 1e9);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            var read = Ring.Read(middle, out var record, packet);
            if (read == FlowReadResult.Overwritten || (read == FlowReadResult.Ok && record.Event.MonotonicNs < since))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        if (low >= newest || Ring.Read(low, out var first, packet) != FlowReadResult.Ok)
        {
            return 0;
        }

        var seconds = low == 0 || low > Ring.Oldest
            ? Math.Min(RateWindowSeconds, Uptime.TotalSeconds)
            : (now - first.Event.MonotonicNs) / 1e9;
        return (newest - low) / Math.Max(seconds, 0.001);
    }
}
