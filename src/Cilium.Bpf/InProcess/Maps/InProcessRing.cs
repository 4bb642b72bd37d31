namespace Cilium.Bpf.InProcess.Maps;

/// <summary>A reader's hold on a ring buffer of this process.</summary>
internal sealed class InProcessRing : RingMemory
{
    private readonly RingStorage _ring;
    private bool _isClosed;

    internal InProcessRing(RingStorage ring)
    {
        ObjectDisposedException.ThrowIf(!ring.TryHold(), ring.Name);
        _ring = ring;
        Consumer = ring.Consumer;
        Producer = ring.Producer;
        Data = ring.Data;
    }

    /// <summary>Lets go of a forgotten reader's ring.</summary>
    ~InProcessRing() => Close();

    internal override bool Wait(TimeSpan timeout) => _ring.Wakeups.Wait(timeout);

    internal override void Wake() => _ring.Wake();

    public override void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    private void Close()
    {
        if (_isClosed || _ring is null)
            return;
        _isClosed = true;
        Consumer = 0;
        Producer = 0;
        Data = 0;
        _ring.Release();
    }
}
