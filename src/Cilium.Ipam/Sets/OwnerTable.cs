namespace Cilium.Ipam.Sets;

/// <summary>Who has which offset of a range: 16 bytes per address in ranges of up to a million, a hash table in larger ones. Not thread-safe.</summary>
/// <remarks>Pages that became empty are used again, so that giving and taking back allocates nothing once as much was in use as ever is.</remarks>
internal sealed class OwnerTable
{
    private const int PageBits = 6;
    private const int LargestPagedBits = 20;
    private readonly Ownership[]?[]? _pages;
    private readonly Stack<Ownership[]>? _spare;
    private readonly Dictionary<UInt128, Ownership>? _sparse;

    public OwnerTable(int bits)
    {
        if (bits <= LargestPagedBits)
        {
            _pages = new Ownership[1 << Math.Max(0, bits - PageBits)][];
            _spare = new Stack<Ownership[]>();
        }
        else
        {
            _sparse = [];
        }
    }

    public Ownership this[UInt128 offset] => _pages is not null
        ? _pages[(int)(ulong)offset >> PageBits]![(int)(ulong)offset & 63]
        : _sparse![offset];

    public void Set(UInt128 offset, Ownership owner)
    {
        if (_pages is null)
        {
            _sparse![offset] = owner;
            return;
        }

        ref var page = ref _pages[(int)(ulong)offset >> PageBits];
        page ??= _spare!.TryPop(out var spare) ? spare : new Ownership[1 << PageBits];
        page[(int)(ulong)offset & 63] = owner;
    }

    /// <summary>All entries, sorted by offset.</summary>
    public IEnumerable<(UInt128 Offset, Ownership Owner)> Entries()
    {
        if (_pages is null)
        {
            return _sparse!.OrderBy(entry => entry.Key).Select(entry => (entry.Key, entry.Value));
        }

        return _pages.SelectMany((page, index) => (page ?? [])
            .Select((owner, place) => ((UInt128)((index << PageBits) + place), owner))
            .Where(entry => entry.owner.Owner is not null));
    }

    /// <param name="offset">Whose entry ends.</param>
    /// <param name="isPageEmpty">True when no other offset of its 64 is in use.</param>
    public void Clear(UInt128 offset, bool isPageEmpty)
    {
        if (_pages is null)
        {
            _sparse!.Remove(offset);
            return;
        }

        ref var page = ref _pages[(int)(ulong)offset >> PageBits];
        page![(int)(ulong)offset & 63] = default;
        if (isPageEmpty)
        {
            _spare!.Push(page);
            page = null;
        }
    }
}

/// <summary>Who has an address and for what.</summary>
internal readonly record struct Ownership(string Owner, string Purpose);
