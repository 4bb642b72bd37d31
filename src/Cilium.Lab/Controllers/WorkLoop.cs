using Cilium.Lab.Cluster;
using Cilium.Lab.Storage;
using Microsoft.Extensions.Logging;

namespace Cilium.Lab.Controllers;

/// <summary>
/// Runs one controller: changes name the objects they touch, each is reconciled once per burst of changes, and again later when that
/// fails. The store is the only state. Besides the watched kinds, which are all looked at first, only changes of the <c>heard</c> kinds count.
/// </summary>
internal sealed partial class WorkLoop(
    ClusterState state, string name, Func<IReadOnlyCollection<ResourceId>> watched, Func<StoreChange, IEnumerable<ObjectKey>> affected, Action<ObjectKey> reconcile,
    Func<ResourceId, bool>? heard = null)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(250);
    private readonly HashSet<ObjectKey> pending = [];

    public WorkLoop(
        ClusterState state, string name, IReadOnlyList<ResourceId> watched, Func<StoreChange, IEnumerable<ObjectKey>> affected, Action<ObjectKey> reconcile,
        Func<ResourceId, bool>? heard = null)
        : this(state, name, () => watched, affected, reconcile, heard)
    {
    }

    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var revision = state.Store.Revision;
            using var watch = state.Store.Watch(revision, resource => heard?.Invoke(resource) == true || watched().Contains(resource));
            foreach (var resource in watched())
            {
                foreach (var item in state.Store.List(resource).Objects) Note(new StoreChange(ChangeType.Added, item, null));
            }

            await FollowAsync(watch, cancel);
        }
    }

    /// <summary>Works until the watch is closed because this loop has fallen behind.</summary>
    private async Task FollowAsync(StoreWatch watch, CancellationToken cancel)
    {
        while (true)
        {
            var failed = ReconcilePending();
            var more = watch.Changes.WaitToReadAsync(cancel).AsTask();
            if (failed) await Task.WhenAny(more, Task.Delay(RetryAfter, state.Clock, cancel));
            else await more;
            cancel.ThrowIfCancellationRequested();
            if (more.IsCompleted && !await more) return;
            while (watch.Changes.TryRead(out var change)) Note(change);
        }
    }

    private void Note(StoreChange change)
    {
        foreach (var key in affected(change)) pending.Add(key);
    }

    private bool ReconcilePending()
    {
        var failed = false;
        foreach (var key in pending.ToList())
        {
            try
            {
                reconcile(key);
                pending.Remove(key);
            }
            catch (ApiException failure)
            {
                failed = true;
                Log.Failed(state.Log, name, key, failure.Message);
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                // An object nobody foresaw must not end the cluster: it is left alone until it changes.
                pending.Remove(key);
                Log.GaveUp(state.Log, name, key, failure);
            }
        }

        return failed;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "{Controller}: {Object}: {Failure}")]
        public static partial void Failed(ILogger log, string controller, ObjectKey @object, string failure);

        [LoggerMessage(2, LogLevel.Error, "{Controller}: {Object}")]
        public static partial void GaveUp(ILogger log, string controller, ObjectKey @object, Exception failure);
    }
}
