using Cilium.Core;

namespace Cilium.Ipam.Sets;

/// <summary>The addresses of one range: which are taken, by whom, and which nobody may have. Not thread-safe.</summary>
internal sealed class AddressRange
{
    private const int TinyBits = 1;
    private readonly UInt128 _last;

    // One or the other: what may become full is searched by gaps, what never can by chance.
    private readonly (OffsetSet Taken, OwnerTable Owners)? _dense;
    private readonly SparseOwners? _sparse;
    private readonly OffsetSpans _reserved;
    private UInt128 _next;

    public AddressRange(Prefix range, AddressPoolOptions options)
    {
        Range = range;
        var bits = range.Address.BitLength - range.Length;
        _last = bits == 128 ? UInt128.MaxValue : (UInt128.One << bits) - 1;
        if (bits >= SparseOwners.SmallestBits && options.Choice == AddressChoice.RandomStart)
        {
            _sparse = new SparseOwners();
        }
        else
        {
            _dense = (new OffsetSet(bits), new OwnerTable(bits));
        }

        _reserved = ReservedOf(options, bits);
        Usable = _reserved.TryFind(0, out var last) && last == _last
            ? UInt128.Zero
            : Saturated(_last - _reserved.Count);
    }

    public Prefix Range { get; }

    /// <summary>How many addresses there are to give; one less than true for the whole IPv6 space.</summary>
    public UInt128 Usable { get; }

    public UInt128 Taken => _dense is { } dense ? dense.Taken.Count : (UInt128)(uint)_sparse!.Count;

    /// <summary>True when it gives nothing more and goes with its last address.</summary>
    public bool IsRetired { get; set; }

    public bool IsFull => Taken == Usable;

    public bool IsUsable(IpAddr address) => Range.Contains(address) && !_reserved.TryFind(OffsetOf(address), out _);

    public bool IsTaken(IpAddr address) => _dense is { } dense ? dense.Taken.Contains(OffsetOf(address)) : _sparse!.Contains(OffsetOf(address));

    public Ownership OwnerOf(IpAddr address) => _dense is { } dense ? dense.Owners[OffsetOf(address)] : _sparse![OffsetOf(address)];

    public void Take(IpAddr address, Ownership owner) => Take(OffsetOf(address), owner);

    public bool Free(IpAddr address)
    {
        var offset = OffsetOf(address);
        if (_dense is not { } dense)
        {
            return _sparse!.Remove(offset);
        }

        if (!dense.Taken.Remove(offset))
        {
            return false;
        }

        dense.Owners.Clear(offset, dense.Taken.IsWordEmpty(offset));
        return true;
    }

    /// <summary>Takes a free address, searched from the place that the choice names and around the end.</summary>
    public bool TryTakeAny(AddressChoice choice, Random random, Ownership owner, out IpAddr address)
    {
        address = default;
        if (IsFull)
        {
            return false;
        }

        var start = choice switch
        {
            AddressChoice.Lowest => UInt128.Zero,
            AddressChoice.Next => _next,
            _ => Choose(random, _last),
        };
        if (!TryFind(start, _last, out var offset) && !TryFind(0, start, out offset))
        {
            throw new InvalidOperationException($"the count of taken addresses in {Range} is wrong");
        }

        _next = offset == _last ? UInt128.Zero : offset + 1;
        Take(offset, owner);
        address = Range.Address.Add(offset);
        return true;
    }

    /// <summary>The addresses in use, sorted.</summary>
    public IEnumerable<(IpAddr Address, Ownership Owner)> InUse() =>
        (_dense?.Owners.Entries() ?? _sparse!.Entries()).Select(entry => (Range.Address.Add(entry.Offset), entry.Owner));

    private static UInt128 Saturated(UInt128 beforeLast) => beforeLast == UInt128.MaxValue ? beforeLast : beforeLast + 1;

    /// <summary>A number from 0 to <paramref name="last"/>.</summary>
    private static UInt128 Choose(Random random, UInt128 last)
    {
        if (last < int.MaxValue)
        {
            return (UInt128)random.Next((int)last + 1);
        }

        if (last < long.MaxValue)
        {
            return (UInt128)random.NextInt64((long)last + 1);
        }

        // Sizes are powers of two: the low bits of random bits are as good as any number in the range.
        return (last <= ulong.MaxValue ? Bits(random) : new UInt128(Bits(random), Bits(random))) & last;

        // Each call has 63 of them.
        static ulong Bits(Random random) => (ulong)random.NextInt64() ^ ((ulong)random.NextInt64() << 1);
    }

    private OffsetSpans ReservedOf(AddressPoolOptions options, int bits)
    {
        var spans = new List<(UInt128, UInt128)>();
        if (options.ReserveFirstAndLast && (bits > TinyBits || !options.UsesTinyRangesWhole))
        {
            spans.Add((0, 0));
            spans.Add((_last, _last));
        }

        foreach (var excluded in options.Excluded.Where(Range.Overlaps))
        {
            spans.Add(excluded.Contains(Range)
                ? (0, _last)
                : (OffsetOf(excluded.Address), OffsetOf(excluded.LastAddress)));
        }

        return spans.Count == 0 ? OffsetSpans.None : new OffsetSpans(spans);
    }

    private void Take(UInt128 offset, Ownership owner)
    {
        if (_dense is not { } dense)
        {
            _sparse!.Add(offset, owner);
            return;
        }

        dense.Taken.Add(offset);
        dense.Owners.Set(offset, owner);
    }

    private bool TryFind(UInt128 from, UInt128 to, out UInt128 offset)
    {
        while (TryFindAbsent(from, out offset) && offset <= to)
        {
            if (!_reserved.TryFind(offset, out var last))
            {
                return true;
            }

            if (last >= to)
            {
                return false;
            }

            from = last + 1;
        }

        return false;
    }

    private bool TryFindAbsent(UInt128 from, out UInt128 offset)
    {
        if (_dense is { } dense)
        {
            return dense.Taken.TryFindAbsent(from, out offset);
        }

        for (offset = from; _sparse!.Contains(offset); offset++)
        {
            if (offset == _last)
            {
                return false;
            }
        }

        return true;
    }

    private UInt128 OffsetOf(IpAddr address) => address.Value - Range.Address.Value;
}
