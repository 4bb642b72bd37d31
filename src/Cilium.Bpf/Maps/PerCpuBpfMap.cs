using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>A map that has one value per possible CPU for each key. Safe for use from many threads.</summary>
/// <typeparam name="TKey">The key, laid out as the C struct.</typeparam>
/// <typeparam name="TValue">One CPU's value, laid out as the C struct.</typeparam>
public sealed unsafe class PerCpuBpfMap<TKey, TValue> : BpfMap
    where TKey : unmanaged
    where TValue : unmanaged
{
    private readonly int _stride;

    /// <summary>Gives <paramref name="map"/> its types; both share the descriptor.</summary>
    /// <exception cref="ArgumentException">A size differs from the kernel's, or the map has no value per CPU.</exception>
    public PerCpuBpfMap(BpfMap map)
        : base(map)
    {
        CheckSizes(sizeof(TKey), sizeof(TValue));
        if (!Shape.IsPerCpu)
            throw new ArgumentException($"map {Name} has one value for all CPUs");
        // The kernel copies each CPU's value rounded up to eight bytes.
        _stride = (sizeof(TValue) + 7) & ~7;
        Cpus = Backend.Cpus;
    }

    /// <summary>Possible CPUs: the values per key.</summary>
    public int Cpus { get; }

    /// <summary>Reads the value of each CPU into <paramref name="values"/> (at least <see cref="Cpus"/> long).</summary>
    public bool TryLookup(in TKey key, Span<TValue> values)
    {
        if (values.Length < Cpus)
            throw new ArgumentException($"room for {Cpus} values is needed", nameof(values));
        var buffer = stackalloc byte[_stride * Cpus];
        fixed (TKey* k = &key)
        {
            var result = Backend.Lookup(k, buffer);
            if (result == -Errno.NoEntry)
                return false;
            if (result < 0)
                throw Refused("bpf_map_lookup_elem", result);
        }
        for (var cpu = 0; cpu < Cpus; cpu++)
            values[cpu] = *(TValue*)(buffer + (cpu * _stride));
        return true;
    }

    /// <summary>Writes the value of each CPU.</summary>
    public MapStatus Update(in TKey key, ReadOnlySpan<TValue> values, MapUpdate mode = MapUpdate.Any)
    {
        if (values.Length != Cpus)
            throw new ArgumentException($"{Cpus} values are needed", nameof(values));
        var buffer = stackalloc byte[_stride * Cpus];
        for (var cpu = 0; cpu < Cpus; cpu++)
            *(TValue*)(buffer + (cpu * _stride)) = values[cpu];
        fixed (TKey* k = &key)
        {
            return Backend.Update(k, buffer, (ulong)mode) switch
            {
                >= 0 => MapStatus.Ok,
                -Errno.NoEntry => MapStatus.NotFound,
                -Errno.Exists => MapStatus.Exists,
                -Errno.TooBig or -Errno.NoSpace => MapStatus.Full,
                var result => throw Refused("bpf_map_update_elem", result),
            };
        }
    }

    /// <summary>Removes a key. Returns Ok, or NotFound when it is absent.</summary>
    public MapStatus Delete(in TKey key)
    {
        fixed (TKey* k = &key)
        {
            return Backend.Delete(k) switch
            {
                >= 0 => MapStatus.Ok,
                -Errno.NoEntry => MapStatus.NotFound,
                var result => throw Refused("bpf_map_delete_elem", result),
            };
        }
    }

    /// <summary>All keys with the values of all CPUs folded into one.</summary>
    /// <param name="seed">The sum of no CPU.</param>
    /// <param name="add">Adds one CPU's value.</param>
    public Dictionary<TKey, TSum> Fold<TSum>(TSum seed, Func<TSum, TValue, TSum> add)
    {
        var sums = new Dictionary<TKey, TSum>();
        var values = new TValue[Cpus];
        TKey key;
        TKey next;
        var hasKey = false;
        while (true)
        {
            var result = Backend.NextKey(hasKey ? &key : null, &next);
            if (result == -Errno.NoEntry)
                return sums;
            if (result < 0)
                throw Refused("bpf_map_get_next_key", result);
            key = next;
            hasKey = true;
            if (sums.ContainsKey(key) || !TryLookup(key, values))
                continue;
            var sum = seed;
            foreach (var value in values)
                sum = add(sum, value);
            sums[key] = sum;
        }
    }
}
