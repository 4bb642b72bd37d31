namespace Cilium.Ipam.Sets;

/// <summary>Who has which offset of a range too large ever to be full: one open hash table, in which what is not found is free. Not thread-safe.</summary>
/// <remarks>
/// Linear probing; an entry that goes is filled by those behind it, so that nothing is left of it. At most half full: 64 to 128 bytes per address
/// in use. Giving and taking back allocates nothing once as much was in use as ever is.
/// </remarks>
internal sealed class SparseOwners
{
    /// <summary>Ranges from this size on can be given from at random without ever meeting a long run of taken offsets.</summary>
    public const int SmallestBits = 48;

    private const int SmallestTable = 16;
    private Entry[] _entries = new Entry[SmallestTable];
    private int _count;

    /// <summary>How many offsets are taken.</summary>
    public int Count => _count;

    /// <summary>The owner of a taken offset.</summary>
    /// <exception cref="KeyNotFoundException">It is free.</exception>
    public Ownership this[UInt128 offset] => Find(offset) is var place && _entries[place].Owner is not null
        ? _entries[place].Ownership
        : throw new KeyNotFoundException($"offset {offset} is free");

    public bool Contains(UInt128 offset) => _entries[Find(offset)].Owner is not null;

    /// <summary>Takes a free offset.</summary>
    public void Add(UInt128 offset, Ownership owner)
    {
        if ((_count + 1) * 2 > _entries.Length)
        {
            Grow();
        }

        _entries[Find(offset)] = new Entry(offset, owner.Owner, owner.Purpose);
        _count++;
    }

    /// <summary>Frees an offset; false when it was free.</summary>
    public bool Remove(UInt128 offset)
    {
        var hole = Find(offset);
        if (_entries[hole].Owner is null)
        {
            return false;
        }

        // An entry may fill the hole unless its own place lies behind the hole, on the way to where it is.
        var mask = _entries.Length - 1;
        for (var next = (hole + 1) & mask; _entries[next].Owner is not null; next = (next + 1) & mask)
        {
            var home = PlaceOf(_entries[next].Offset);
            if (((next - home) & mask) >= ((next - hole) & mask))
            {
                _entries[hole] = _entries[next];
                hole = next;
            }
        }

        _entries[hole] = default;
        _count--;
        return true;
    }

    /// <summary>All entries, sorted by offset.</summary>
    public IEnumerable<(UInt128 Offset, Ownership Owner)> Entries() =>
        _entries.Where(entry => entry.Owner is not null).OrderBy(entry => entry.Offset).Select(entry => (entry.Offset, entry.Ownership));

    private int PlaceOf(UInt128 offset)
    {
        var mixed = ((ulong)offset ^ (((ulong)(offset >> 64)) * 0x9E3779B97F4A7C15ul)) * 0xD6E8FEB86659FD93ul;
        return (int)(mixed >> 32) & (_entries.Length - 1);
    }

    /// <summary>Where an offset is, or would be.</summary>
    private int Find(UInt128 offset)
    {
        var mask = _entries.Length - 1;
        var place = PlaceOf(offset);
        while (_entries[place].Owner is not null && _entries[place].Offset != offset)
        {
            place = (place + 1) & mask;
        }

        return place;
    }

    private void Grow()
    {
        var before = _entries;
        _entries = new Entry[before.Length * 2];
        foreach (var entry in before)
        {
            if (entry.Owner is not null)
            {
                _entries[Find(entry.Offset)] = entry;
            }
        }
    }

    private readonly record struct Entry(UInt128 Offset, string? Owner, string Purpose)
    {
        public Ownership Ownership => new(Owner!, Purpose);
    }
}
