using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;

namespace Cilium.Benchmarks.Maps;

/// <summary>Operations of user space on maps of one engine, through <see cref="BpfMap{TKey, TValue}"/>: nanoseconds and allocated bytes each.</summary>
internal sealed class MapOperations
{
    private const int Rounds = 5;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromMilliseconds(500);

    private readonly BpfEngine _engine;
    private readonly Key[] _keys;
    private readonly Value[] _values;

    private MapOperations(BpfEngine engine, int entries)
    {
        _engine = engine;
        var random = new Random(4711);
        _keys = new Key[entries];
        _values = new Value[entries];
        for (var i = 0; i < entries; i++)
            (_keys[i], _values[i]) = (new Key((uint)i, (uint)random.Next(), 0, 0, 0), new Value((uint)i, 0, 0, 0));
        random.Shuffle(_keys);
    }

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly record struct Key(uint A, uint B, uint C, uint D, uint E);

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly record struct Value(uint A, uint B, uint C, uint D);

    /// <summary>Prefix length in bits, and an IPv4 address in the form of 128 bits.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly record struct Route(uint Bits, ulong Upper, uint Mapped, uint AddressNet);

    public static int Run(string engineName, int entries)
    {
        BpfEngine? engine = engineName switch
        {
            "kernel" => BpfEngine.Kernel,
            "in-process" => new InProcessEngine(),
            _ => null,
        };
        if (engine is null)
            return 2;
        var operations = new MapOperations(engine, entries);
        operations.Hash();
        operations.Lpm();
        operations.Lru();
        operations.Array();
        return 0;
    }

    private void Hash()
    {
        using var map = Create<Key, Value>(MapType.Hash, 20, _keys.Length);
        Measure("hash-insert", () => InsertAll(map), () => map.DeleteBatch(_keys));
        InsertAll(map);
        Measure("hash-update", () => InsertAll(map));
        Measure("hash-update-batch", () => map.UpdateBatch(_keys, _values));
        Measure("hash-lookup", () => LookupAll(map));
        Measure("hash-delete", () => DeleteAll(map), () => map.UpdateBatch(_keys, _values));
    }

    private void Lpm()
    {
        using var map = Create<Route, Value>(MapType.LpmTrie, 20, _keys.Length, MapFlags.NoPreallocation);
        // Three of four are addresses, as those of pods; the rest are networks around others.
        var routes = new Route[_keys.Length];
        for (var i = 0; i < routes.Length; i++)
            routes[i] = i % 4 == 0 ? To((uint)i << 8 | 0x0B00_0000, 120) : To((uint)i | 0x0A00_0000, 128);
        map.UpdateBatch(routes, _values);
        var asked = System.Array.ConvertAll(routes, route => route with { Bits = 128 });
        new Random(4711).Shuffle(asked);
        Measure("lpm-lookup", () =>
        {
            foreach (ref readonly var route in asked.AsSpan())
                map.TryLookup(route, out _);
        });

        static Route To(uint address, uint bits) => new(bits, 0, 0xFFFF_0000, System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(address));
    }

    private void Lru()
    {
        // Half as large as what is written: each update evicts.
        using var map = Create<Key, Value>(MapType.LruHash, 20, _keys.Length / 2);
        Measure("lru-update", () => InsertAll(map));
    }

    private void Array()
    {
        using var map = Create<uint, Value>(MapType.Array, 4, _keys.Length);
        Measure("array-lookup", () =>
        {
            foreach (ref readonly var key in _keys.AsSpan())
                map.TryLookup(key.A, out _);
        });
    }

    private BpfMap<TKey, TValue> Create<TKey, TValue>(MapType type, int keyBytes, int entries, MapFlags flags = MapFlags.None)
        where TKey : unmanaged
        where TValue : unmanaged => BpfMap.Create("bench", new MapShape(type, keyBytes, 16, (uint)entries, flags), _engine).As<TKey, TValue>();

    private void InsertAll(BpfMap<Key, Value> map)
    {
        for (var i = 0; i < _keys.Length; i++)
            map.Update(_keys[i], _values[i]);
    }

    private void LookupAll(BpfMap<Key, Value> map)
    {
        foreach (ref readonly var key in _keys.AsSpan())
            map.TryLookup(key, out _);
    }

    private void DeleteAll(BpfMap<Key, Value> map)
    {
        foreach (ref readonly var key in _keys.AsSpan())
            map.Delete(key);
    }

    /// <summary>The median round, and the round that allocated least: what the runtime allocates while it recompiles is not the map's.</summary>
    private void Measure(string name, Action body, Action? prepare = null)
    {
        for (var begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < s_warmUp;)
        {
            prepare?.Invoke();
            body();
        }
        var times = new double[Rounds];
        var bytes = long.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            prepare?.Invoke();
            var before = GC.GetAllocatedBytesForCurrentThread();
            var begin = Stopwatch.GetTimestamp();
            body();
            times[round] = Stopwatch.GetElapsedTime(begin).TotalNanoseconds / _keys.Length;
            bytes = Math.Min(bytes, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        System.Array.Sort(times);
        Print($"{name}-ns", times[Rounds / 2]);
        Print($"{name}-bytes", (double)bytes / _keys.Length);
    }

    private static void Print(string name, double value) => Console.WriteLine($"{name} {value.ToString("0.###", CultureInfo.InvariantCulture)}");
}
