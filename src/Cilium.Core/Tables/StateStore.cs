namespace Cilium.Core.Tables;

/// <summary>Tables that change together: one revision counter and one writer at a time.</summary>
/// <remarks>Thread-safe. Readers never wait for writers; a write becomes visible as a whole.</remarks>
public sealed class StateStore
{
    private readonly Lock _writer = new();
    private readonly List<ITableDraftSource> _tables = [];
    private long _revision;

    /// <summary>
    /// Raised in each write that changes something, on the thread that writes, before readers of feeds are told: handlers are short, do not throw and do
    /// not write.
    /// </summary>
    public event Action? Written;

    /// <summary>The revision of the last write.</summary>
    public long Revision => Volatile.Read(ref _revision);

    /// <summary>
    /// Whether every reader of a feed of these tables has taken all changes and waits for more. As each reader works off what it took before it
    /// waits again, everything that follows from the tables is done when this is true and <see cref="Revision"/> is the same before and after.
    /// </summary>
    public bool IsQuiet
    {
        get
        {
            lock (_writer)
            {
                return _tables.TrueForAll(table => table.IsQuiet);
            }
        }
    }

    /// <summary>Makes a table of this store.</summary>
    /// <param name="name">Its name; unique by convention, for logs and debug output.</param>
    /// <param name="keyOf">Takes the key out of a row; must be pure.</param>
    public Table<TKey, TRow> CreateTable<TKey, TRow>(string name, Func<TRow, TKey> keyOf)
        where TKey : notnull
        where TRow : class
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(keyOf);
        var table = new Table<TKey, TRow>(this, name, keyOf);
        lock (_writer)
        {
            _tables.Add(table);
        }

        return table;
    }

    /// <summary>Runs one write: everything in it becomes visible at once, or nothing if it throws.</summary>
    /// <param name="body">Synchronous, without I/O; must not start another write.</param>
    /// <returns>The revision of the write, or the present revision when nothing changed.</returns>
    /// <exception cref="InvalidOperationException">A write was started inside a write.</exception>
    public long Write(Action<WriteTransaction> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (_writer.IsHeldByCurrentThread)
        {
            throw new InvalidOperationException("a write transaction cannot be started inside another one");
        }

        lock (_writer)
        {
            using var transaction = new WriteTransaction(this);
            body(transaction);
            if (transaction.HasChanges)
            {
                var revision = _revision + 1;
                transaction.Commit(revision);
                Volatile.Write(ref _revision, revision);
                Written?.Invoke();
                transaction.Announce();
            }

            return _revision;
        }
    }
}
