using Cilium.Bpf;

namespace Cilium.Datapath.Conntrack;

/// <summary>A map whose entries expire, with the second at which to look at each again. Used by one thread.</summary>
/// <param name="map">The map.</param>
/// <param name="read">When an entry was made and when it expires.</param>
/// <param name="now">The second at which it starts.</param>
internal sealed class ExpiringMap<TKey, TValue>(BpfMap<TKey, TValue> map, Func<TValue, (uint Created, uint Lifetime)> read, uint now)
    where TKey : unmanaged
    where TValue : unmanaged
{
    // Programs shorten a lifetime without a word: none is believed for longer than this.
    private const uint LookAgainSeconds = 120;

    private readonly ExpiryWheel<Filed> _wheel = new(now);

    /// <summary>Entries that will be looked at.</summary>
    internal int Count => _wheel.Count;

    /// <summary>Files an entry that was just made; one of zero is as old as it says when it is looked at.</summary>
    internal void Add(TKey key, uint created, uint lifetime) => _wheel.Add(new Filed(key, created), lifetime);

    /// <summary>Removes what has expired, and files what lives on.</summary>
    internal void Collect(uint second) => _wheel.Turn(second, filed => Collect(filed, second));

    /// <summary>Files all that the map holds instead of what is filed.</summary>
    internal void Scan(uint second)
    {
        // What was filed before would be there twice, and once more after each loss.
        _wheel.Clear();
        var cursor = map.Read();
        while (cursor.Next(out var keys, out var values))
        {
            for (var i = 0; i < keys.Length; i++)
            {
                var (created, lifetime) = read(values[i]);
                Add(keys[i], created, Math.Min(lifetime, second + LookAgainSeconds));
            }
        }
    }

    private void Collect(Filed filed, uint second)
    {
        if (!map.TryLookup(filed.Key, out var value))
            return;
        var (created, lifetime) = read(value);
        // A key that was used again was announced again.
        if (filed.Created != 0 && filed.Created != created)
            return;
        if (lifetime > second)
            Add(filed.Key, created, Math.Min(lifetime, second + LookAgainSeconds));
        else
            map.Delete(filed.Key);
    }

    private readonly record struct Filed(TKey Key, uint Created);
}
