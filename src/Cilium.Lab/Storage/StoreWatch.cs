using System.Threading.Channels;

namespace Cilium.Lab.Storage;

/// <summary>
/// A reader's queue of changes. When the reader falls too far behind the queue is closed, and the reader lists again.
/// </summary>
internal sealed class StoreWatch(Func<ResourceId, bool> wanted, Channel<StoreChange> queue, Action<StoreWatch> remove) : IDisposable
{
    public ChannelReader<StoreChange> Changes => queue.Reader;

    public void Dispose()
    {
        remove(this);
        queue.Writer.TryComplete();
    }

    /// <summary>False when the queue is closed and the watch is to be forgotten.</summary>
    public bool Offer(StoreChange change)
    {
        if (!wanted(change.Object.Key.Resource)) return true;
        if (queue.Writer.TryWrite(change)) return true;
        queue.Writer.TryComplete();
        return false;
    }
}
