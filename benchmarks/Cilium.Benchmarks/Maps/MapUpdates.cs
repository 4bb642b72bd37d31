using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Cilium.Bpf;

namespace Cilium.Benchmarks.Maps;

/// <summary>The operations of native/map_updates.c through <see cref="BpfMap{TKey, TValue}"/>.</summary>
internal static class MapUpdates
{
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly record struct Key(uint A, uint B, uint C, uint D, uint E);

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly record struct Value(uint A, uint B, uint C, uint D);

    public static int Run(int entries)
    {
        using var map = BpfMap.Create("bench", new MapShape(MapType.Hash, 20, 16, (uint)entries, MapFlags.None)).As<Key, Value>();
        var keys = new Key[entries];
        var values = new Value[entries];
        for (var i = 0; i < entries; i++)
        {
            keys[i] = new Key((uint)i, 0, 0, 0, 0);
            values[i] = new Value((uint)i, 0, 0, 0);
        }

        // The first round fills the map and lets the JIT finish; the rounds that count find it full.
        Update(map, keys, values);
        Lookup(map, keys);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        Report("update", entries, () => Update(map, keys, values));
        Report("lookup", entries, () => Lookup(map, keys));
        Report("update-batch", entries, () => map.UpdateBatch(keys, values));
        Report("delete-batch", entries, () => map.DeleteBatch(keys));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"allocated-bytes-per-entry {(GC.GetAllocatedBytesForCurrentThread() - allocated) / (4.0 * entries):F3}"));
        return 0;
    }

    private static void Update(BpfMap<Key, Value> map, Key[] keys, Value[] values)
    {
        for (var i = 0; i < keys.Length; i++)
        {
            map.Update(keys[i], values[i]);
        }
    }

    private static void Lookup(BpfMap<Key, Value> map, Key[] keys)
    {
        foreach (ref readonly var key in keys.AsSpan())
        {
            map.TryLookup(key, out _);
        }
    }

    private static void Report(string what, int entries, Action body)
    {
        var start = Stopwatch.GetTimestamp();
        body();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what} {Stopwatch.GetElapsedTime(start).TotalNanoseconds / entries:F1}"));
    }
}
