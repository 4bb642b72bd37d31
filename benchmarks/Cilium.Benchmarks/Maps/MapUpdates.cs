using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Cilium.Bpf;

namespace Cilium.Benchmarks.Maps;

/// <summary>
/// What <see cref="BpfMap{TKey, TValue}"/> costs beside the loops of native/map_updates.c: both change turns, a slice of a few
/// milliseconds each, on one full map, with the same keys and values, in this process.
/// </summary>
internal sealed class MapUpdates
{
    /// <summary>Parts of the map. It has no divisor in common with four: in four walks each side meets each part twice.</summary>
    private const int Parts = 101;

    private const int Slices = 4 * Parts;

    /// <summary>As many that the compiler is done with all its tiers: it counts to thirty twice.</summary>
    private const int WarmUps = 200;

    private static readonly TimeSpan s_compilerPause = TimeSpan.FromMilliseconds(300);

    private readonly BpfMap<Key, Value> _map;
    private readonly NativeMapCalls _native;
    private readonly Key[] _keys;
    private readonly Value[] _values;
    private int _next;

    private MapUpdates(BpfMap<Key, Value> map, NativeMapCalls native, int entries)
    {
        (_map, _native) = (map, native);
        _keys = new Key[entries];
        _values = new Value[entries];
        for (var i = 0; i < entries; i++)
        {
            _keys[i] = new Key((uint)i, 0, 0, 0, 0);
            _values[i] = new Value((uint)i, 0, 0, 0);
        }
    }

    private delegate void Loop(ReadOnlySpan<Key> keys, ReadOnlySpan<Value> values);

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly record struct Key(uint A, uint B, uint C, uint D, uint E);

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly record struct Value(uint A, uint B, uint C, uint D);

    public static int Run(int entries, string library)
    {
        using var map = BpfMap.Create("bench", new MapShape(MapType.Hash, 20, 16, (uint)entries, MapFlags.None)).As<Key, Value>();
        var updates = new MapUpdates(map, new NativeMapCalls(library), entries);
        map.UpdateBatch(updates._keys, updates._values);
        updates.Compare("update", "map_update", updates.Update);
        updates.Compare("lookup", "map_lookup", updates.Lookup);
        updates.Compare("update-batch", "map_update_batch", (keys, values) => map.UpdateBatch(keys, values));
        updates.Compare("delete-batch", "map_delete_batch", (keys, _) => map.DeleteBatch(keys), (keys, values) => map.UpdateBatch(keys, values));
        return 0;
    }

    private void Compare(string name, string loop, Loop managed, Loop? restore = null)
    {
        Loop native = (keys, values) => _native.Run(loop, _map.Fd.Number, keys, values);
        for (var slice = 0; slice < WarmUps; slice++)
        {
            Time(managed, restore);
            Time(native, restore);
            if (slice % (WarmUps / 4) == 0)
                Thread.Sleep(s_compilerPause);
        }
        double[] times = [0, 0];
        var allocated = 0L;
        for (var slice = 0; slice < Slices; slice++)
        {
            // A B B A: what drifts meets both alike, and each is first as often as the other.
            var isNative = slice % 4 is 1 or 2;
            var before = GC.GetAllocatedBytesForCurrentThread();
            times[isNative ? 1 : 0] += Time(isNative ? native : managed, restore);
            allocated += isNative ? 0 : GC.GetAllocatedBytesForCurrentThread() - before;
        }
        var each = Slices / 2.0 * SliceLength;
        Print($"cs-{name}", times[0] / each);
        Print($"c-{name}", times[1] / each);
        Print($"bytes-{name}", allocated / each);
    }

    private int SliceLength => _keys.Length / Parts;

    private double Time(Loop loop, Loop? restore)
    {
        var at = _next;
        _next = (_next + SliceLength) % (SliceLength * Parts);
        var keys = _keys.AsSpan(at, SliceLength);
        var values = _values.AsSpan(at, SliceLength);
        var begin = Stopwatch.GetTimestamp();
        loop(keys, values);
        var time = Stopwatch.GetElapsedTime(begin).TotalNanoseconds;
        restore?.Invoke(keys, values);
        return time;
    }

    private void Update(ReadOnlySpan<Key> keys, ReadOnlySpan<Value> values)
    {
        for (var i = 0; i < keys.Length; i++)
            _map.Update(keys[i], values[i]);
    }

    private void Lookup(ReadOnlySpan<Key> keys, ReadOnlySpan<Value> values)
    {
        foreach (ref readonly var key in keys)
            _map.TryLookup(key, out _);
    }

    private static void Print(string name, double value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} {value:0.###}"));
}
