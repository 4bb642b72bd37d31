using Cilium.Bpf;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.IpCache;

/// <summary>Carries identities and tunnel endpoints to cilium_ipcache, in batches.</summary>
internal sealed class IpCacheOperations(BpfMap<IpcacheKey, IpcacheValue> map) : IReconcilerOperations<Prefix, IpCacheRow>
{
    private const int SingleAddress = 128;

    /// <inheritdoc/>
    public ValueTask ApplyAsync(ReconcileBatch<Prefix, IpCacheRow> batch, CancellationToken cancellationToken)
    {
        var count = batch.Changes.Count(change => !change.IsDelete);
        var (keys, values) = (new IpcacheKey[count], new IpcacheValue[count]);
        var deleted = new List<IpcacheKey>();
        // Single addresses go first: where there is no room for all, those of pods and nodes are missed more than the ranges that rules name.
        var (single, range) = (0, count);
        foreach (var change in batch.Changes)
        {
            if (change.Current is { } row)
            {
                var place = change.Key.Length128 == SingleAddress ? single++ : --range;
                keys[place] = change.Key.ToMap();
                values[place] = ValueOf(row);
            }
            else
            {
                deleted.Add(change.Key.ToMap());
            }
        }
        // What has no place yet may have one when others are gone; normally nothing goes before what comes is there.
        var done = count > 0 ? map.UpdateBatch(keys, values).Done : 0;
        map.DeleteBatch(deleted.ToArray());
        if (done < count)
            MapFullException.ThrowIfShort(map, keys.AsSpan(done), values.AsSpan(done));
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask PruneAsync(TableSnapshot<Prefix, IpCacheRow> desired, CancellationToken cancellationToken)
    {
        var wanted = desired.Keys.Select(prefix => prefix.ToMap()).ToHashSet();
        map.DeleteBatch(map.ToDictionary().Keys.Where(key => !wanted.Contains(key)).ToArray());
        return ValueTask.CompletedTask;
    }

    private static IpcacheValue ValueOf(IpCacheRow row) =>
        new(row.Identity.Value, IpcacheFlags.None, row.TunnelEndpoint.IsNone ? default : row.TunnelEndpoint.ToMap());
}
