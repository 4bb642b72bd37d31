using System.Runtime.CompilerServices;
using Cilium.Hubble.Filters;
using Cilium.Hubble.Flows;
using Google.Protobuf.WellKnownTypes;

namespace Cilium.Hubble.Observing;

/// <summary>One request for flows, checked and compiled, run over a ring.</summary>
/// <remarks>
/// With a number, the newest N that match (or the oldest N with first) within since and until; without, everything that is kept, or with
/// follow only what comes. Output is oldest first. Losses are reported in place.
/// </remarks>
public sealed class FlowQuery
{
    private readonly FlowRing _ring;
    private readonly FlowBuilder _builder;
    private readonly FlowMatcher _matcher;
    private readonly long _number;
    private readonly bool _first;
    private readonly bool _follow;
    private readonly long? _sinceNs;
    private readonly long? _untilNs;
    private readonly FieldMask? _mask;

    /// <summary>Compiles a request.</summary>
    /// <exception cref="FlowFilterException">A field's value cannot be understood or contradicts another.</exception>
    public FlowQuery(FlowRing ring, FlowBuilder builder, Proto.GetFlowsRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _ring = ring;
        _builder = builder;
        _matcher = FlowMatcher.Compile(request.Whitelist, request.Blacklist);
        _number = request.Number > long.MaxValue ? long.MaxValue : (long)request.Number;
        _first = request.First;
        _follow = request.Follow;
        _sinceNs = Nanoseconds("since", request.Since);
        _untilNs = Nanoseconds("until", request.Until);
        _mask = FlowMask.Check(request);
        if (_first && _follow)
        {
            throw new FlowFilterException("first", "cannot be combined with follow");
        }
    }

    /// <summary>The responses; ends by itself unless it follows.</summary>
    public async IAsyncEnumerable<Proto.GetFlowsResponse> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var packet = new byte[FlowRing.PacketBytes];
        var end = _ring.Head;
        var position = Start(end, packet);
        long sent = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            if (position >= end)
            {
                if (!_follow)
                {
                    yield break;
                }

                await _ring.WaitAsync(position, cancellationToken);
                end = _ring.Head;
            }

            switch (_ring.Read(position, out var record, packet))
            {
                case FlowReadResult.Overwritten:
                    var oldest = Math.Max(_ring.Oldest, position + 1);
                    yield return Overtaken(oldest - position);
                    position = oldest;
                    continue;
                case FlowReadResult.NotWritten:
                    end = position;
                    continue;
                default:
                    position++;
                    break;
            }

            var time = _builder.UnixNs(record);
            if (time < _sinceNs)
            {
                continue;
            }

            // A loss has the time at which it was noticed: flows of before may follow it.
            if (record.IsLoss)
            {
                yield return Lost(record, time);
                continue;
            }

            if (time > _untilNs)
            {
                yield break;
            }

            var flow = _builder.Build(record, packet);
            if (!_matcher.Matches(flow))
            {
                continue;
            }

            yield return Response(flow);
            if (++sent == _number && !_follow)
            {
                yield break;
            }
        }
    }

    private static long? Nanoseconds(string field, Timestamp? time)
    {
        if (time is null)
        {
            return null;
        }

        const long limit = long.MaxValue / 1_000_000_000;
        return time.Nanos is >= 0 and < 1_000_000_000 && time.Seconds is > -limit and < limit
            ? (time.Seconds * 1_000_000_000) + time.Nanos
            : throw new FlowFilterException(field, "is no valid time");
    }

    // Where to begin: walks back from the newest event until enough have matched or since is passed.
    private long Start(long end, byte[] packet)
    {
        var oldest = _ring.Oldest;
        if (_number == 0 && _follow && _sinceNs is null)
        {
            return end;
        }

        if (_first || (_number == 0 && _sinceNs is null))
        {
            return oldest;
        }

        long found = 0;
        for (var position = end - 1; position >= oldest; position--)
        {
            if (_ring.Read(position, out var record, packet) != FlowReadResult.Ok)
            {
                return position + 1;
            }

            var time = _builder.UnixNs(record);
            if (time < _sinceNs)
            {
                return position + 1;
            }

            if (_number > 0 && !record.IsLoss && !(time > _untilNs)
                && (_matcher.MatchesAll || _matcher.Matches(_builder.Build(record, packet))) && ++found == _number)
            {
                return position;
            }
        }

        return oldest;
    }

    private Proto.GetFlowsResponse Response(Proto.Flow flow)
    {
        var response = new Proto.GetFlowsResponse { Time = flow.Time, NodeName = flow.NodeName };
        response.Flow = _mask is null ? flow : FlowMask.Apply(_mask, flow);
        return response;
    }

    private Proto.GetFlowsResponse Lost(in FlowRecord record, long time) => new()
    {
        Time = FlowBuilder.Timestamp(time),
        NodeName = _builder.NodeName,
        LostEvents = new Proto.LostEvent { Source = Proto.LostEventSource.PerfEventRingBuffer, NumEventsLost = record.Lost },
    };

    private Proto.GetFlowsResponse Overtaken(long count) => new()
    {
        Time = FlowBuilder.Timestamp(_builder.NowUnixNs()),
        NodeName = _builder.NodeName,
        LostEvents = new Proto.LostEvent { Source = Proto.LostEventSource.HubbleRingBuffer, NumEventsLost = (ulong)count },
    };
}
