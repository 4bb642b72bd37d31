namespace Cilium.Bpf;

/// <summary>
/// A ring buffer as its reader sees it: a page with the reader's position, a page with the writer's, and behind that the records, each
/// in one piece although it wraps around.
/// </summary>
internal abstract class RingMemory : IDisposable
{
    /// <summary>The reader's position; zero once closed.</summary>
    internal nint Consumer { get; private protected set; }

    /// <summary>The writer's position; zero once closed.</summary>
    internal nint Producer { get; private protected set; }

    /// <summary>The records.</summary>
    internal nint Data { get; private protected set; }

    /// <summary>Sleeps until a writer wakes the reader. Returns false when the time is over.</summary>
    internal abstract bool Wait(TimeSpan timeout);

    /// <summary>Ends a sleep that is going on, or the next one. Any thread may call it while the ring is open.</summary>
    internal abstract void Wake();

    /// <inheritdoc/>
    public abstract void Dispose();
}
