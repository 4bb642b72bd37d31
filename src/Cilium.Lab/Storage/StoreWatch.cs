using System.Threading.Channels;

namespace Cilium.Lab.Storage;

/// <summary>
/// A reader's queue of changes. When the reader falls too far behind the queue is closed, and the reader lists again.
/// </summary>
internal sealed class StoreWatch(Func<ResourceId, bool> wanted, Channel<StoreChange> queue, Action<StoreWatch> remove) : IDisposable
{
    private long offered;
    private long told;

    public ChannelReader<StoreChange> Changes => queue.Reader;

    /// <summary>Whether the reader has passed on all it was offered.</summary>
    public bool IsQuiet => Interlocked.Read(ref told) == Interlocked.Read(ref offered);

    /// <summary>The reader has passed on one change, or was not interested in it.</summary>
    public void Told() => Interlocked.Increment(ref told);

    public void Dispose()
    {
        remove(this);
        queue.Writer.TryComplete();
    }

    /// <summary>False when the queue is closed and the watch is to be forgotten.</summary>
    public bool Offer(StoreChange change)
    {
        if (!wanted(change.Object.Key.Resource)) return true;
        Interlocked.Increment(ref offered);
        if (queue.Writer.TryWrite(change)) return true;
        Interlocked.Decrement(ref offered);
        queue.Writer.TryComplete();
        return false;
    }
}
