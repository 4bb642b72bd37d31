namespace Cilium.Core.Tables;

/// <summary>The net change of one key between two looks at a table.</summary>
/// <param name="Key">The key.</param>
/// <param name="Previous">The row as it was at the earlier look, or null when there was none.</param>
/// <param name="Current">The row now, or null when it was deleted.</param>
/// <param name="Revision">The store's revision of the last write to this key.</param>
/// <typeparam name="TKey">The key of the table.</typeparam>
/// <typeparam name="TRow">The row of the table.</typeparam>
public readonly record struct TableChange<TKey, TRow>(TKey Key, TRow? Previous, TRow? Current, long Revision)
    where TKey : notnull
    where TRow : class
{
    /// <summary>True when the row is gone.</summary>
    public bool IsDelete => Current is null;
}
