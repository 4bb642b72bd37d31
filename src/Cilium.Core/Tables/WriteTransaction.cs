using System.Diagnostics.CodeAnalysis;

namespace Cilium.Core.Tables;

/// <summary>The changes of one <see cref="StateStore.Write"/>; reads in it see its own writes.</summary>
/// <remarks>Not thread-safe, and dead once the write has returned.</remarks>
public sealed class WriteTransaction : IDisposable
{
    private readonly Dictionary<ITableDraftSource, ITableDraft> _drafts = [];
    private readonly StateStore _store;
    private bool _isClosed;

    internal WriteTransaction(StateStore store) => _store = store;

    internal bool HasChanges => _drafts.Values.Any(draft => draft.HasChanges);

    /// <summary>Inserts or replaces a row; an equal row is no change.</summary>
    /// <returns>True when the table changed.</returns>
    public bool Upsert<TKey, TRow>(Table<TKey, TRow> table, TRow row)
        where TKey : notnull
        where TRow : class
        => DraftOf(table).Upsert(row);

    /// <summary>Removes a row; an absent one is no change.</summary>
    /// <returns>True when the table changed.</returns>
    public bool Delete<TKey, TRow>(Table<TKey, TRow> table, TKey key)
        where TKey : notnull
        where TRow : class
        => DraftOf(table).Delete(key);

    /// <summary>Finds a row, this transaction's own writes included.</summary>
    public bool TryGet<TKey, TRow>(Table<TKey, TRow> table, TKey key, [NotNullWhen(true)] out TRow? row)
        where TKey : notnull
        where TRow : class
        => DraftOf(table).TryGet(key, out row);

    /// <summary>All rows of a table, this transaction's own writes included.</summary>
    public IReadOnlyCollection<TRow> Rows<TKey, TRow>(Table<TKey, TRow> table)
        where TKey : notnull
        where TRow : class
        => DraftOf(table).Rows();

    /// <summary>Makes a table hold exactly these rows.</summary>
    public void Replace<TKey, TRow>(Table<TKey, TRow> table, IEnumerable<TRow> rows)
        where TKey : notnull
        where TRow : class
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(rows);
        var draft = DraftOf(table);
        var wanted = new HashSet<TKey>();
        foreach (var row in rows)
        {
            wanted.Add(table.KeyOf(row));
            draft.Upsert(row);
        }

        foreach (var row in draft.Rows())
        {
            var key = table.KeyOf(row);
            if (!wanted.Contains(key))
            {
                draft.Delete(key);
            }
        }
    }

    internal void Commit(long revision)
    {
        foreach (var draft in _drafts.Values)
        {
            draft.Commit(revision);
        }
    }

    internal void Announce()
    {
        foreach (var draft in _drafts.Values)
        {
            draft.Announce();
        }
    }

    /// <summary>Ends the transaction; later use throws.</summary>
    public void Dispose() => _isClosed = true;

    private TableDraft<TKey, TRow> DraftOf<TKey, TRow>(Table<TKey, TRow> table)
        where TKey : notnull
        where TRow : class
    {
        ArgumentNullException.ThrowIfNull(table);
        ObjectDisposedException.ThrowIf(_isClosed, this);
        if (!ReferenceEquals(table.Store, _store))
        {
            throw new ArgumentException($"table {table.Name} belongs to another store", nameof(table));
        }

        if (!_drafts.TryGetValue(table, out var draft))
        {
            draft = new TableDraft<TKey, TRow>(table);
            _drafts.Add(table, draft);
        }

        return (TableDraft<TKey, TRow>)draft;
    }
}
