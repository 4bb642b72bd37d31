using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cilium.Bpf;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath.Conntrack;

/// <summary>
/// Removes expired connections and translations. Programs tell of each new one; it is looked at when its first lifetime ends, and
/// every two minutes while packets prolong it: no scans, except at the start and after a loss.
/// </summary>
internal sealed partial class ConntrackCollector : IRingBufferSink, IDisposable
{
    // An expired connection stays this much longer; a burst of new ones wakes the thread (created_wakeup_bytes).
    private static readonly TimeSpan s_quietWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_busyWait = TimeSpan.FromMilliseconds(50);
    private const int BusyRecords = 1000;

    // Records may come as fast as they are read: a round ends, so that what expired is removed and the end is seen.
    private const int RoundRecords = 4096;
    private const uint RecordsLost = 1;

    private readonly DatapathMaps _maps;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly RingBufferReader _ring;
    private readonly ExpiringMap<CtTuple, CtEntry> _connections;
    private readonly ExpiringMap<SnatKey, SnatValue> _translations;
    private readonly ulong[] _lostPerCpu;
    private readonly Thread _thread;
    private readonly ConcurrentDictionary<Addr128, uint> _departed = new();
    private ulong _lostBefore;
    private volatile bool _isStopping;

    internal ConntrackCollector(DatapathMaps maps, TimeProvider time, ILogger logger)
    {
        _maps = maps;
        _time = time;
        _logger = logger;
        _ring = new RingBufferReader(maps.Created);
        _connections = new ExpiringMap<CtTuple, CtEntry>(maps.Conntrack, static entry => (entry.Created, entry.Lifetime), Now);
        _translations = new ExpiringMap<SnatKey, SnatValue>(maps.Snat, static entry => (entry.Created, entry.Lifetime), Now);
        _lostPerCpu = new ulong[maps.Lost.Cpus];
        _lostBefore = ReadLost();
        _thread = new Thread(Run) { IsBackground = true, Name = "conntrack expiry" };
        _thread.Start();
    }

    // Lifetimes are seconds of CLOCK_MONOTONIC, which is what the system's time provider counts in.
    private uint Now => (uint)(_time.GetTimestamp() / _time.TimestampFrequency);

    /// <inheritdoc/>
    public void OnRecord(ReadOnlySpan<byte> record)
    {
        // Programs of an earlier agent, attached until ours take over, leave out the end.
        Span<byte> whole = stackalloc byte[Unsafe.SizeOf<CreatedRecord>()];
        whole.Clear();
        record[..Math.Min(record.Length, whole.Length)].CopyTo(whole);
        var made = MemoryMarshal.Read<CreatedRecord>(whole);
        if (made.Kind == CreatedKind.Snat)
            _translations.Add(Unsafe.BitCast<CtTuple, SnatKey>(made.Key), made.Created, made.Lifetime);
        else
            _connections.Add(made.Key, made.Created, made.Lifetime);
    }

    /// <summary>Has the connections of an address removed soon, except those that a later owner of the address makes from now on.</summary>
    internal void Forget(Addr128 address)
    {
        _departed[address] = Now;
        _ring.Wake();
    }

    /// <summary>Ends the thread.</summary>
    public void Dispose()
    {
        _isStopping = true;
        _ring.Wake();
        _thread.Join();
        _ring.Dispose();
    }

    private void Run()
    {
        try
        {
            Scan();
            while (!_isStopping)
            {
                var records = _ring.Drain(this, RoundRecords);
                if (ReadLost() is var lost && lost != _lostBefore)
                {
                    _lostBefore = lost;
                    Scan();
                }
                if (!_departed.IsEmpty)
                    RemoveDeparted();
                var now = Now;
                _connections.Collect(now);
                _translations.Collect(now);
                if (records < RoundRecords)
                    _ring.Wait(records > BusyRecords ? s_busyWait : s_quietWait);
            }
        }
        catch (KernelException refusal)
        {
            LogStopped(_logger, refusal.Message);
        }
    }

    private void RemoveDeparted()
    {
        var departed = _departed.ToArray();
        var gone = departed.ToDictionary(entry => entry.Key, entry => entry.Value);
        var cursor = _maps.Conntrack.Read();
        var doomed = new List<CtTuple>();
        while (cursor.Next(out var keys, out var values))
        {
            for (var i = 0; i < keys.Length; i++)
            {
                if (IsOf(gone, keys[i].LowAddress, values[i]) || IsOf(gone, keys[i].HighAddress, values[i]))
                    doomed.Add(keys[i]);
            }
        }
        _maps.Conntrack.DeleteBatch(doomed.ToArray());
        foreach (var entry in departed)
            _departed.TryRemove(entry);
    }

    private static bool IsOf(Dictionary<Addr128, uint> gone, Addr128 address, CtEntry entry) =>
        gone.TryGetValue(address, out var second) && entry.Created <= second;

    private void Scan()
    {
        _connections.Scan(Now);
        _translations.Scan(Now);
    }

    private ulong ReadLost()
    {
        var sum = 0ul;
        if (_maps.Lost.TryLookup(RecordsLost, _lostPerCpu))
        {
            foreach (var count in _lostPerCpu)
                sum += count;
        }
        return sum;
    }

    [LoggerMessage(1, LogLevel.Error, "Collecting expired connections stopped: {Reason}")]
    private static partial void LogStopped(ILogger logger, string reason);
}
