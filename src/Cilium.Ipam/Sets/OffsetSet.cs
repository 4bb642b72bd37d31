using System.Numerics;

namespace Cilium.Ipam.Sets;

/// <summary>A set of offsets in a range of 2^n, from one to the whole IPv6 space, that finds the next absent offset in a handful of steps.</summary>
/// <remarks>
/// A tree of 64-bit words: a bit of level 0 is an offset that is present, a bit of level n + 1 is a word of level n without a gap. Levels with many
/// words keep only those that are not zero, so that memory follows what is present and not what could be. Not thread-safe.
/// </remarks>
internal sealed class OffsetSet
{
    private const int WordBits = 6;
    private readonly OffsetTree? _small;
    private readonly WordLevel[] _levels = [];

    /// <param name="bits">The range is [0, 2^bits).</param>
    public OffsetSet(int bits)
    {
        Last = bits == 128 ? UInt128.MaxValue : (UInt128.One << bits) - 1;
        if (bits <= OffsetTree.LargestBits)
        {
            _small = new OffsetTree(bits);
            return;
        }

        _levels = new WordLevel[Math.Max(1, (bits + WordBits - 1) / WordBits)];
        for (var level = 0; level < _levels.Length; level++)
        {
            _levels[level] = new WordLevel(Math.Max(0, bits - (WordBits * (level + 1))));
        }
    }

    /// <summary>The greatest offset of the range.</summary>
    public UInt128 Last { get; }

    /// <summary>How many offsets are present.</summary>
    public UInt128 Count { get; private set; }

    public bool Contains(UInt128 offset) => _small?.Contains(Small(offset)) ?? (_levels[0][offset >> WordBits] >> Bit(offset) & 1) != 0;

    /// <summary>True when no offset of the same word is present.</summary>
    public bool IsWordEmpty(UInt128 offset) => _small?.IsWordEmpty(Small(offset)) ?? _levels[0][offset >> WordBits] == 0;

    /// <summary>Adds an offset; false when it was present.</summary>
    public bool Add(UInt128 offset)
    {
        if (_small is not null ? !_small.Add(Small(offset)) : !AddToLevels(offset))
        {
            return false;
        }

        Count++;
        return true;
    }

    /// <summary>Removes an offset; false when it was absent.</summary>
    public bool Remove(UInt128 offset)
    {
        if (_small is not null ? !_small.Remove(Small(offset)) : !RemoveFromLevels(offset))
        {
            return false;
        }

        Count--;
        return true;
    }

    /// <summary>Finds the first absent offset at or after another.</summary>
    public bool TryFindAbsent(UInt128 from, out UInt128 offset)
    {
        if (_small is not null)
        {
            offset = default;
            if (from > Last || !_small.TryFindAbsent(Small(from), out var found))
            {
                return false;
            }

            offset = (UInt128)(uint)found;
            return true;
        }

        // 1. Climb until a word has a gap at or after the place. 2. Descend into that gap, always to the left.
        offset = from;
        for (var level = 0; level < _levels.Length; level++)
        {
            if (offset > Last >> (WordBits * level))
            {
                return false;
            }

            var gaps = ~_levels[level][offset >> WordBits] >> Bit(offset);
            if (gaps != 0)
            {
                offset += (UInt128)BitOperations.TrailingZeroCount(gaps);
                return offset <= Last >> (WordBits * level) && Descend(level, ref offset);
            }

            offset = (offset >> WordBits) + 1;
        }

        return false;
    }

    private static int Small(UInt128 offset) => (int)(ulong)offset;

    private static int Bit(UInt128 offset) => (int)((ulong)offset & 63);

    // Only level 0 can be found as it should be: a climb begins with a change, and each level changes when the one below did.
    private bool AddToLevels(UInt128 offset)
    {
        foreach (var level in _levels)
        {
            var index = offset >> WordBits;
            var before = level[index];
            var word = before | (1ul << Bit(offset));
            if (word == before)
            {
                return false;
            }

            level[index] = word;
            if (word != ulong.MaxValue)
            {
                break;
            }

            offset = index;
        }

        return true;
    }

    private bool RemoveFromLevels(UInt128 offset)
    {
        foreach (var level in _levels)
        {
            var index = offset >> WordBits;
            var before = level[index];
            var word = before & ~(1ul << Bit(offset));
            if (word == before)
            {
                return false;
            }

            level[index] = word;
            if (before != ulong.MaxValue)
            {
                break;
            }

            offset = index;
        }

        return true;
    }

    private bool Descend(int level, ref UInt128 offset)
    {
        while (level > 0)
        {
            level--;
            offset = (offset << WordBits) + (UInt128)BitOperations.TrailingZeroCount(~_levels[level][offset]);
        }

        return true;
    }
}
