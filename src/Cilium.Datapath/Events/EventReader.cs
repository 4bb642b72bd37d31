using Cilium.Bpf;
using Cilium.Datapath.Kernel;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath.Events;

/// <summary>
/// Empties the event ring on a thread of its own. While events come, programs wake it only when the ring fills to a threshold, which costs them
/// least, and a timer takes what lies below. When none has come for a while, it says so and sleeps until the next event wakes it.
/// </summary>
internal sealed partial class EventReader : IRingBufferSink, IDisposable
{
    private static readonly TimeSpan s_busyWait = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_idleWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_lossInterval = TimeSpan.FromSeconds(1);
    private const int IdleAfterRounds = 10;

    // Events may come as fast as they are read: a round ends, so that losses are told and the end is seen.
    private const int RoundRecords = 4096;
    private const int SmallestRecordBytes = 16;
    private const uint EventsLost = 0;

    private readonly RingBufferReader _ring;
    private readonly PerCpuBpfMap<uint, ulong> _lost;
    private readonly BpfMap<uint, uint> _sleeps;
    private readonly IDatapathEventSink[] _sinks;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ulong[] _lostPerCpu;
    private readonly Thread _thread;
    private ulong _lostBefore;
    private volatile bool _isStopping;

    internal EventReader(DatapathMaps maps, IEnumerable<IDatapathEventSink> sinks, TimeProvider time, ILogger logger)
    {
        var lost = maps.Lost;
        _ring = new RingBufferReader(maps.Events);
        _sleeps = maps.ReaderSleeps;
        _lost = lost;
        _lostPerCpu = new ulong[lost.Cpus];
        _sinks = [.. sinks];
        _time = time;
        _logger = logger;
        _lostBefore = ReadLost();
        _thread = new Thread(Run) { IsBackground = true, Name = "datapath events" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public void OnRecord(ReadOnlySpan<byte> record)
    {
        if (!EventDecoder.TryDecode(record, out var decoded, out var packet))
            return;
        foreach (var sink in _sinks)
            sink.OnEvent(decoded, packet);
    }

    /// <summary>Takes what is in the ring by now and ends the thread.</summary>
    public void Dispose()
    {
        _isStopping = true;
        _ring.Wake();
        _thread.Join();
        _ring.Dispose();
    }

    private void Run()
    {
        var idleRounds = 0;
        var lossCheckedAt = _time.GetTimestamp();
        try
        {
            while (!_isStopping)
            {
                var records = _ring.Drain(this, RoundRecords);
                idleRounds = records > 0 ? 0 : idleRounds + 1;
                if (_time.GetElapsedTime(lossCheckedAt) >= s_lossInterval)
                {
                    lossCheckedAt = _time.GetTimestamp();
                    ReportLost();
                }
                if (records == RoundRecords)
                    continue;
                if (idleRounds > IdleAfterRounds)
                    _sleeps.Update(0, 1);
                // A program may have looked before it could know, and be writing still: it is given the time of one more round.
                _ring.Wait(idleRounds > IdleAfterRounds + 1 ? s_idleWait : s_busyWait);
            }
            _ring.Drain(this, (int)(_ring.PendingBytes / SmallestRecordBytes));
            ReportLost();
        }
        catch (KernelException refusal)
        {
            LogStopped(_logger, refusal.Message);
        }
    }

    private void ReportLost()
    {
        var lost = ReadLost();
        var count = unchecked(lost - _lostBefore);
        _lostBefore = lost;
        if (count == 0)
            return;
        foreach (var sink in _sinks)
            sink.OnLost(count);
    }

    private ulong ReadLost()
    {
        var sum = 0ul;
        if (_lost.TryLookup(EventsLost, _lostPerCpu))
        {
            foreach (var count in _lostPerCpu)
                sum += count;
        }
        return sum;
    }

    [LoggerMessage(1, LogLevel.Error, "Reading events stopped: {Reason}")]
    private static partial void LogStopped(ILogger logger, string reason);
}
