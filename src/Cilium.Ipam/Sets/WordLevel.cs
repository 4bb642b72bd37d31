namespace Cilium.Ipam.Sets;

/// <summary>
/// The words of one level of an <see cref="OffsetSet"/>: an array when they are few, those that are not zero when they are many. Not thread-safe.
/// </summary>
internal sealed class WordLevel
{
    private const int LargestArrayBits = 14;
    private readonly ulong[]? _array;
    private readonly Dictionary<ulong, ulong>? _present;
    private readonly Dictionary<UInt128, ulong>? _presentLong;

    public WordLevel(int indexBits)
    {
        if (indexBits <= LargestArrayBits)
        {
            _array = new ulong[1 << indexBits];
        }
        else if (indexBits <= 64)
        {
            _present = [];
        }
        else
        {
            _presentLong = [];
        }
    }

    public ulong this[UInt128 index]
    {
        get => _array is not null ? _array[(int)(ulong)index]
            : _present is not null ? _present.GetValueOrDefault((ulong)index)
            : _presentLong!.GetValueOrDefault(index);
        set
        {
            if (_array is not null)
            {
                _array[(int)(ulong)index] = value;
            }
            else if (_present is not null)
            {
                Set(_present, (ulong)index, value);
            }
            else
            {
                Set(_presentLong!, index, value);
            }
        }
    }

    private static void Set<TKey>(Dictionary<TKey, ulong> present, TKey index, ulong value)
        where TKey : notnull
    {
        if (value != 0)
        {
            present[index] = value;
        }
        else
        {
            present.Remove(index);
        }
    }
}
