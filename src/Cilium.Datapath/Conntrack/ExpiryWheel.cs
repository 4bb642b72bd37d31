namespace Cilium.Datapath.Conntrack;

/// <summary>
/// Keys by the second at which to look at them again. Cost of a turn follows the keys that are due, not those that wait. Used by one
/// thread.
/// </summary>
/// <typeparam name="TKey">The key.</typeparam>
internal sealed class ExpiryWheel<TKey>
{
    private const int Slots = 16384;
    private const int Spares = 64;

    // A longer list costs its keys little, and would hold memory after a burst.
    private const int SpareCapacity = 256;
    private readonly List<TKey>?[] _slots = new List<TKey>?[Slots];
    private readonly Stack<List<TKey>> _spare = new(Spares);
    private uint _now;

    /// <summary>Makes a wheel that stands at a second.</summary>
    public ExpiryWheel(uint now) => _now = now;

    /// <summary>Keys that wait.</summary>
    public int Count { get; private set; }

    /// <summary>Files a key; what is due already, or lies beyond the wheel, comes at the next or the last turn.</summary>
    public void Add(TKey key, uint second)
    {
        var due = Math.Clamp(second, _now + 1, _now + Slots - 1);
        (_slots[due % Slots] ??= _spare.TryPop(out var spare) ? spare : []).Add(key);
        Count++;
    }

    /// <summary>Forgets all keys.</summary>
    public void Clear()
    {
        Array.Clear(_slots);
        Count = 0;
    }

    /// <summary>Turns to a second and hands over the keys due until then. The handler may add keys.</summary>
    public void Turn(uint second, Action<TKey> due)
    {
        // A long pause: every slot is due once.
        if (second > _now && second - _now > Slots)
            _now = second - Slots;
        while (_now < second)
        {
            _now++;
            var keys = _slots[_now % Slots];
            if (keys is null)
                continue;
            _slots[_now % Slots] = null;
            Count -= keys.Count;
            foreach (var key in keys)
                due(key);
            keys.Clear();
            if (_spare.Count < Spares && keys.Capacity <= SpareCapacity)
                _spare.Push(keys);
        }
    }
}
