using Cilium.Core;
using Cilium.Core.Tables;

namespace Cilium.Kubernetes.Identities;

/// <summary>The table of identities by their labels.</summary>
/// <remarks>Thread-safe. Brings itself up to date when asked.</remarks>
internal sealed class IdentityIndex : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ChangeFeed<Identity, CiliumIdentityRow> _feed;
    private readonly Dictionary<LabelSet, List<CiliumIdentityRow>> _byLabels = [];

    public IdentityIndex(IReadTable<Identity, CiliumIdentityRow> table)
    {
        _feed = table.Subscribe();
        _feed.IsPulled = true;
    }

    /// <summary>The oldest identity of these labels, or null.</summary>
    public CiliumIdentityRow? Find(LabelSet labels)
    {
        lock (_lock)
        {
            foreach (var change in _feed.Drain())
            {
                Remove(change.Previous);
                Add(change.Current);
            }

            return _byLabels.TryGetValue(labels, out var rows) ? IdentityOrder.Oldest(rows) : null;
        }
    }

    public void Dispose() => _feed.Dispose();

    private void Add(CiliumIdentityRow? row)
    {
        if (row is null)
        {
            return;
        }

        if (!_byLabels.TryGetValue(row.Labels, out var rows))
        {
            _byLabels.Add(row.Labels, rows = new List<CiliumIdentityRow>(1));
        }

        rows.Add(row);
    }

    private void Remove(CiliumIdentityRow? row)
    {
        if (row is null || !_byLabels.TryGetValue(row.Labels, out var rows))
        {
            return;
        }

        rows.RemoveAll(other => other.Id == row.Id);
        if (rows.Count == 0)
        {
            _byLabels.Remove(row.Labels);
        }
    }
}
