using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Which addresses of one range are taken: a bitmap for small ranges, a set for huge ones. Not thread-safe.</summary>
internal sealed class AddressSet
{
    private const int LargestBitmapBits = 20;
    private readonly UInt128 _size;
    private readonly UInt128 _firstUsable;
    private readonly UInt128 _pastUsable;
    private readonly ulong[]? _bitmap;
    private readonly HashSet<UInt128>? _sparse;

    public AddressSet(Prefix range, bool reserveFirstAndLast)
    {
        Range = range;
        var hostBits = range.Address.BitLength - range.Length;
        // The whole IPv6 space does not fit its own count; nobody can take its last address either way.
        _size = hostBits == 128 ? UInt128.MaxValue : UInt128.One << hostBits;
        _firstUsable = reserveFirstAndLast ? UInt128.One : UInt128.Zero;
        _pastUsable = reserveFirstAndLast ? _size - 1 : _size;
        if (_pastUsable < _firstUsable)
        {
            _pastUsable = _firstUsable;
        }

        if (hostBits <= LargestBitmapBits)
        {
            _bitmap = new ulong[((int)_size + 63) / 64];
        }
        else
        {
            _sparse = [];
        }
    }

    public Prefix Range { get; }

    public UInt128 Taken { get; private set; }

    public UInt128 Usable => _pastUsable - _firstUsable;

    public bool IsFull => Taken == Usable;

    public bool IsUsable(IpAddr address) => Range.Contains(address) && OffsetOf(address) >= _firstUsable && OffsetOf(address) < _pastUsable;

    public bool IsTaken(IpAddr address) => Contains(OffsetOf(address));

    public void Take(IpAddr address)
    {
        var offset = OffsetOf(address);
        if (_bitmap is not null)
        {
            _bitmap[(int)offset >> 6] |= 1ul << ((int)offset & 63);
        }
        else
        {
            _sparse!.Add(offset);
        }

        Taken++;
    }

    public void Free(IpAddr address)
    {
        var offset = OffsetOf(address);
        if (_bitmap is not null)
        {
            _bitmap[(int)offset >> 6] &= ~(1ul << ((int)offset & 63));
        }
        else
        {
            _sparse!.Remove(offset);
        }

        Taken--;
    }

    /// <summary>Takes the first free address at or after a place chosen at random, around the end.</summary>
    public bool TryTakeAny(Random random, out IpAddr address)
    {
        address = default;
        if (IsFull)
        {
            return false;
        }

        var start = _firstUsable + Choose(random, Usable);
        var offset = _bitmap is not null ? FindClear(start) : FindAbsent(start);
        address = Range.Address.Add(offset);
        Take(address);
        return true;
    }

    // A set is searched one by one: ranges that have one are so large that the place chosen is almost always free.
    private UInt128 FindAbsent(UInt128 start)
    {
        var offset = start;
        while (_sparse!.Contains(offset))
        {
            offset = offset + 1 == _pastUsable ? _firstUsable : offset + 1;
        }

        return offset;
    }

    private UInt128 FindClear(UInt128 start)
    {
        if (TryFindClear((int)start, (int)_pastUsable, out var found) || TryFindClear((int)_firstUsable, (int)start, out found))
        {
            return (UInt128)found;
        }

        throw new InvalidOperationException($"the count of taken addresses in {Range} is wrong");
    }

    private bool TryFindClear(int from, int to, out int found)
    {
        for (found = from; found < to;)
        {
            var free = ~_bitmap![found >> 6] >> (found & 63);
            if (free != 0)
            {
                found += System.Numerics.BitOperations.TrailingZeroCount(free);
                return found < to;
            }

            found = ((found >> 6) + 1) << 6;
        }

        return false;
    }

    private bool Contains(UInt128 offset) =>
        _bitmap is not null ? (_bitmap[(int)offset >> 6] & (1ul << ((int)offset & 63))) != 0 : _sparse!.Contains(offset);

    private UInt128 OffsetOf(IpAddr address) => address.Value - Range.Address.Value;

    private static UInt128 Choose(Random random, UInt128 below) =>
        below <= long.MaxValue
            ? (UInt128)random.NextInt64((long)below)
            : new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64() << 1) % below;
}
