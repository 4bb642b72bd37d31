using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Cilium.Core.Tables;

internal interface ITableDraftSource
{
    /// <summary>Whether every reader of a feed waits for more.</summary>
    bool IsQuiet { get; }
}

internal interface ITableDraft
{
    bool HasChanges { get; }

    void Commit(long revision);

    void Announce();
}

internal sealed class TableDraft<TKey, TRow>(Table<TKey, TRow> table) : ITableDraft
    where TKey : notnull
    where TRow : class
{
    private readonly ImmutableDictionary<TKey, TRow> _before = table.CurrentRows;
    private readonly ImmutableDictionary<TKey, TRow>.Builder _rows = table.CurrentRows.ToBuilder();
    private readonly HashSet<TKey> _changed = [];
    private List<TableChange<TKey, TRow>>? _changes;

    /// <summary>True when some key ends otherwise than it began; a row written and deleted again is no change.</summary>
    public bool HasChanges => _changed.Any(key => !Equals(_before.GetValueOrDefault(key), _rows.GetValueOrDefault(key)));

    public bool Upsert(TRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        var key = table.KeyOf(row);
        if (_rows.TryGetValue(key, out var present) && present.Equals(row))
        {
            return false;
        }

        _rows[key] = row;
        _changed.Add(key);
        return true;
    }

    public bool Delete(TKey key)
    {
        if (!_rows.Remove(key))
        {
            return false;
        }

        _changed.Add(key);
        return true;
    }

    public bool TryGet(TKey key, [NotNullWhen(true)] out TRow? row) => _rows.TryGetValue(key, out row);

    public IReadOnlyCollection<TRow> Rows() => [.. _rows.Values];

    public void Commit(long revision)
    {
        var changes = new List<TableChange<TKey, TRow>>(_changed.Count);
        foreach (var key in _changed)
        {
            _before.TryGetValue(key, out var previous);
            _rows.TryGetValue(key, out var current);
            if (!Equals(previous, current))
            {
                changes.Add(new TableChange<TKey, TRow>(key, previous, current, revision));
            }
        }

        _changes = changes;
        if (changes.Count > 0)
        {
            table.Publish(_rows.ToImmutable(), revision);
        }
    }

    public void Announce()
    {
        if (_changes is { Count: > 0 } changes)
        {
            table.Announce(changes);
        }
    }
}
