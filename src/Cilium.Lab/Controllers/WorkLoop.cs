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
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1); // a timer counts no more than seven weeks
    private readonly HashSet<ObjectKey> pending = [];
    private readonly Dictionary<ObjectKey, DateTimeOffset> later = [];

    public WorkLoop(
        ClusterState state, string name, IReadOnlyList<ResourceId> watched, Func<StoreChange, IEnumerable<ObjectKey>> affected, Action<ObjectKey> reconcile,
        Func<ResourceId, bool>? heard = null)
        : this(state, name, () => watched, affected, reconcile, heard)
    {
    }

    /// <summary>Has an object reconciled once more after some time, for what changes with time alone. Only for the reconciler; its last word counts.</summary>
    public void LookAgain(ObjectKey key, TimeSpan after) => later[key] = state.Clock.GetUtcNow() + after;

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
            if (failed) await EitherAsync(more, RetryAfter, cancel);
            else if (later.Count > 0) await EitherAsync(more, later.Values.Min() - state.Clock.GetUtcNow(), cancel);
            else await more;
            cancel.ThrowIfCancellationRequested();
            if (more.IsCompleted && !await more) return;
            while (watch.Changes.TryRead(out var change)) Note(change);
            foreach (var (key, _) in later.Where(entry => entry.Value <= state.Clock.GetUtcNow()).ToList())
            {
                later.Remove(key);
                pending.Add(key);
            }
        }
    }

    private async Task EitherAsync(Task more, TimeSpan pause, CancellationToken cancel)
    {
        // Most end with a change; their timers, which may be long, end with them.
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await Task.WhenAny(more, Task.Delay(TimeSpan.FromTicks(Math.Clamp(pause.Ticks, 0, LongestWait.Ticks)), state.Clock, waiting.Token));
        await waiting.CancelAsync();
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
