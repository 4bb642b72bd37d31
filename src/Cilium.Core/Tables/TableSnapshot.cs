using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Cilium.Core.Tables;

/// <summary>The rows of a table at one revision; never changes.</summary>
/// <typeparam name="TKey">The key.</typeparam>
/// <typeparam name="TRow">The row.</typeparam>
public sealed class TableSnapshot<TKey, TRow>
    where TKey : notnull
    where TRow : class
{
    internal TableSnapshot(ImmutableDictionary<TKey, TRow> rows, long revision)
    {
        Rows = rows;
        Revision = revision;
    }

    internal ImmutableDictionary<TKey, TRow> Rows { get; }

    /// <summary>The revision of the last write seen.</summary>
    public long Revision { get; }

    /// <summary>The number of rows.</summary>
    public int Count => Rows.Count;

    /// <summary>The rows in no order.</summary>
    public IEnumerable<TRow> Values => Rows.Values;

    /// <summary>The keys in no order.</summary>
    public IEnumerable<TKey> Keys => Rows.Keys;

    /// <summary>Finds a row.</summary>
    public bool TryGet(TKey key, [NotNullWhen(true)] out TRow? row) => Rows.TryGetValue(key, out row);

    /// <summary>The rows as a dictionary.</summary>
    public IReadOnlyDictionary<TKey, TRow> ToDictionary() => Rows;
}
