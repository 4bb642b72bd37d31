namespace Cilium.Ipam.Sets;

/// <summary>Stretches of offsets that nobody may have: sorted, apart from each other.</summary>
internal sealed class OffsetSpans
{
    public static readonly OffsetSpans None = new([]);

    private readonly (UInt128 First, UInt128 Last)[] _spans;

    /// <param name="spans">In any order, overlapping or not; both ends belong to a span.</param>
    public OffsetSpans(IEnumerable<(UInt128 First, UInt128 Last)> spans)
    {
        var merged = new List<(UInt128 First, UInt128 Last)>();
        foreach (var span in spans.Order())
        {
            // Stretches that touch are one, so that a range without a gap is seen as such.
            if (merged.Count > 0 && (span.First <= merged[^1].Last || span.First == merged[^1].Last + 1))
            {
                merged[^1] = (merged[^1].First, UInt128.Max(merged[^1].Last, span.Last));
            }
            else
            {
                merged.Add(span);
            }
        }

        _spans = [.. merged];
        foreach (var (first, last) in _spans)
        {
            Count += last - first + 1;
        }
    }

    /// <summary>How many offsets are in the spans; zero also when they are all of 2^128.</summary>
    public UInt128 Count { get; }

    /// <summary>Finds the end of the span that an offset is in.</summary>
    public bool TryFind(UInt128 offset, out UInt128 last)
    {
        foreach (var span in _spans)
        {
            if (offset >= span.First && offset <= span.Last)
            {
                last = span.Last;
                return true;
            }
        }

        last = default;
        return false;
    }
}
