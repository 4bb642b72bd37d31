using System.Runtime.CompilerServices;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>
/// A map with keys and values of fixed layout. Absent, present and full are results; other refusals of the kernel are
/// <see cref="KernelException"/>. Single operations allocate nothing. Safe for use from many threads.
/// </summary>
/// <typeparam name="TKey">The key, laid out as the C struct.</typeparam>
/// <typeparam name="TValue">The value, laid out as the C struct.</typeparam>
public sealed unsafe class BpfMap<TKey, TValue> : BpfMap
    where TKey : unmanaged
    where TValue : unmanaged
{
    private const int ContentionRetries = 64;
    private bool _hasNoBatches;

    /// <summary>Gives <paramref name="map"/> its types; both share the descriptor.</summary>
    /// <exception cref="ArgumentException">A size differs from the kernel's, or the map has a value per CPU.</exception>
    public BpfMap(BpfMap map)
        : base(map)
    {
        CheckSizes(sizeof(TKey), sizeof(TValue));
        if (Shape.IsPerCpu)
            throw new ArgumentException($"map {Name} has a value per CPU; use {nameof(PerCpuBpfMap<TKey, TValue>)}");
    }

    /// <summary>Reads the value of a key.</summary>
    public bool TryLookup(in TKey key, out TValue value)
    {
        value = default;
        fixed (TKey* k = &key)
        fixed (TValue* v = &value)
        {
            var result = Backend.Lookup(k, v);
            return result >= 0 || (result == -Errno.NoEntry ? false : throw Refused("bpf_map_lookup_elem", result));
        }
    }

    /// <summary>Writes the value of a key. Returns Ok, Exists or NotFound (by <paramref name="mode"/>), or Full.</summary>
    public MapStatus Update(in TKey key, in TValue value, MapUpdate mode = MapUpdate.Any)
    {
        fixed (TKey* k = &key)
        fixed (TValue* v = &value)
        {
            for (var attempt = 0; ; attempt++)
            {
                var result = Backend.Update(k, v, (ulong)mode);
                if (result != -Errno.Busy || attempt == ContentionRetries)
                    return ToStatus("bpf_map_update_elem", result);
            }
        }
    }

    /// <summary>Removes a key. Returns Ok, or NotFound when it is absent.</summary>
    public MapStatus Delete(in TKey key)
    {
        fixed (TKey* k = &key)
            return ToStatus("bpf_map_delete_elem", Backend.Delete(k));
    }

    /// <summary>Reads and removes a key in one step (hash maps).</summary>
    public bool TryTake(in TKey key, out TValue value)
    {
        value = default;
        fixed (TKey* k = &key)
        fixed (TValue* v = &value)
        {
            var result = Backend.LookupAndDelete(k, v);
            return result >= 0 || (result == -Errno.NoEntry ? false : throw Refused("bpf_map_lookup_and_delete_elem", result));
        }
    }

    /// <summary>Writes entries in as few calls as the kernel allows; stops at the first that cannot be written.</summary>
    /// <exception cref="ArgumentException">The spans differ in length.</exception>
    public MapBatch UpdateBatch(ReadOnlySpan<TKey> keys, ReadOnlySpan<TValue> values, MapUpdate mode = MapUpdate.Any)
    {
        if (keys.Length != values.Length)
            throw new ArgumentException("keys and values differ in length", nameof(values));
        var done = 0;
        fixed (TKey* k = keys)
        fixed (TValue* v = values)
        {
            while (done < keys.Length && !_hasNoBatches)
            {
                var count = (uint)(keys.Length - done);
                var result = Backend.UpdateBatch(k + done, v + done, &count, (ulong)mode);
                if (result >= 0)
                    return new MapBatch(keys.Length, MapStatus.Ok);
                if (Errno.MeansUnsupported(-result) && done == 0)
                {
                    _hasNoBatches = true;
                    break;
                }
                done += (int)Math.Min(count, (uint)(keys.Length - done));
                if (result is -Errno.Busy or -Errno.Interrupted)
                    continue;
                return new MapBatch(done, ToStatus("bpf_map_update_batch", result));
            }
        }
        for (; done < keys.Length; done++)
        {
            var status = Update(keys[done], values[done], mode);
            if (status != MapStatus.Ok)
                return new MapBatch(done, status);
        }
        return new MapBatch(done, MapStatus.Ok);
    }

    /// <summary>Removes keys in as few calls as the kernel allows; absent keys are passed over. Returns how many were removed.</summary>
    public int DeleteBatch(ReadOnlySpan<TKey> keys)
    {
        var passed = 0;
        var deleted = 0;
        fixed (TKey* k = keys)
        {
            while (passed < keys.Length && !_hasNoBatches)
            {
                var count = (uint)(keys.Length - passed);
                var result = Backend.DeleteBatch(k + passed, &count);
                if (result >= 0)
                    return deleted + keys.Length - passed;
                if (Errno.MeansUnsupported(-result) && passed == 0)
                {
                    _hasNoBatches = true;
                    break;
                }
                // The kernel stops at the first absent key and says how many it removed before it.
                deleted += (int)count;
                passed += (int)count;
                if (result == -Errno.NoEntry)
                    passed++;
                else if (result is not (-Errno.Busy or -Errno.Interrupted))
                    throw Refused("bpf_map_delete_batch", result);
            }
        }
        for (; passed < keys.Length; passed++)
        {
            if (Delete(keys[passed]) == MapStatus.Ok)
                deleted++;
        }
        return deleted;
    }

    /// <summary>A walk over all entries in spans of up to <paramref name="batch"/>; one walk is for one thread.</summary>
    public MapCursor<TKey, TValue> Read(int batch = 4096) => new(this, batch);

    /// <summary>All entries at about this moment. Entries changed meanwhile appear before or after the change.</summary>
    public Dictionary<TKey, TValue> ToDictionary()
    {
        var entries = new Dictionary<TKey, TValue>();
        var cursor = Read();
        while (cursor.Next(out var keys, out var values))
        {
            for (var i = 0; i < keys.Length; i++)
                entries[keys[i]] = values[i];
        }
        return entries;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private MapStatus ToStatus(string call, int result) => result switch
    {
        >= 0 => MapStatus.Ok,
        -Errno.NoEntry => MapStatus.NotFound,
        -Errno.Exists => MapStatus.Exists,
        -Errno.TooBig or -Errno.NoSpace => MapStatus.Full,
        _ => throw Refused(call, result),
    };
}
