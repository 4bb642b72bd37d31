using Cilium.Core;

namespace Cilium.Ipam.Sets;

/// <summary>The addresses of one range: which are taken, by whom, and which nobody may have. Not thread-safe.</summary>
internal sealed class AddressRange
{
    private const int TinyBits = 1;
    private readonly OffsetSet _taken;
    private readonly OwnerTable _owners;
    private readonly OffsetSpans _reserved;
    private UInt128 _next;

    public AddressRange(Prefix range, AddressPoolOptions options)
    {
        Range = range;
        var bits = range.Address.BitLength - range.Length;
        _taken = new OffsetSet(bits);
        _owners = new OwnerTable(bits);
        _reserved = ReservedOf(options, bits);
        Usable = _reserved.TryFind(0, out var last) && last == _taken.Last
            ? UInt128.Zero
            : Saturated(_taken.Last - _reserved.Count);
    }

    public Prefix Range { get; }

    /// <summary>How many addresses there are to give; one less than true for the whole IPv6 space.</summary>
    public UInt128 Usable { get; }

    public UInt128 Taken => _taken.Count;

    /// <summary>True when it gives nothing more and goes with its last address.</summary>
    public bool IsRetired { get; set; }

    public bool IsFull => _taken.Count == Usable;

    public bool IsUsable(IpAddr address) => Range.Contains(address) && !_reserved.TryFind(OffsetOf(address), out _);

    public bool IsTaken(IpAddr address) => _taken.Contains(OffsetOf(address));

    public Ownership OwnerOf(IpAddr address) => _owners[OffsetOf(address)];

    public void Take(IpAddr address, Ownership owner) => Take(OffsetOf(address), owner);

    public bool Free(IpAddr address)
    {
        var offset = OffsetOf(address);
        if (!_taken.Remove(offset))
        {
            return false;
        }

        _owners.Clear(offset, _taken.IsWordEmpty(offset));
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
            _ => Choose(random, _taken.Last),
        };
        if (!TryFind(start, _taken.Last, out var offset) && !TryFind(0, start, out offset))
        {
            throw new InvalidOperationException($"the count of taken addresses in {Range} is wrong");
        }

        _next = offset == _taken.Last ? UInt128.Zero : offset + 1;
        Take(offset, owner);
        address = Range.Address.Add(offset);
        return true;
    }

    /// <summary>The addresses in use, sorted.</summary>
    public IEnumerable<(IpAddr Address, Ownership Owner)> InUse() =>
        _owners.Entries().Select(entry => (Range.Address.Add(entry.Offset), entry.Owner));

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
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(bytes) & last;
    }

    private OffsetSpans ReservedOf(AddressPoolOptions options, int bits)
    {
        var spans = new List<(UInt128, UInt128)>();
        if (options.ReserveFirstAndLast && (bits > TinyBits || !options.UsesTinyRangesWhole))
        {
            spans.Add((0, 0));
            spans.Add((_taken.Last, _taken.Last));
        }

        foreach (var excluded in options.Excluded.Where(Range.Overlaps))
        {
            spans.Add(excluded.Contains(Range)
                ? (0, _taken.Last)
                : (OffsetOf(excluded.Address), OffsetOf(excluded.LastAddress)));
        }

        return spans.Count == 0 ? OffsetSpans.None : new OffsetSpans(spans);
    }

    private void Take(UInt128 offset, Ownership owner)
    {
        _taken.Add(offset);
        _owners.Set(offset, owner);
    }

    private bool TryFind(UInt128 from, UInt128 to, out UInt128 offset)
    {
        while (_taken.TryFindAbsent(from, out offset) && offset <= to)
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

    private UInt128 OffsetOf(IpAddr address) => address.Value - Range.Address.Value;
}
