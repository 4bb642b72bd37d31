namespace Cilium.Bpf.InProcess.Memory;

/// <summary>
/// Frees memory when no program can still look at it: what is retired waits until every run that had begun has ended, as the kernel
/// waits for a grace period.
/// </summary>
internal sealed class Retirement
{
    private readonly List<(long Epoch, Action Free)> _waiting = [];
    private Machine[] _machines = [];
    private long _epoch = 1;
    private int _count;

    internal long Epoch => Volatile.Read(ref _epoch);

    internal bool HasWaiting => Volatile.Read(ref _count) != 0;

    internal void Watch(Machine[] machines) => _machines = machines;

    /// <summary>Frees at once, or when the runs of this moment are over.</summary>
    internal void Retire(Action free)
    {
        lock (_waiting)
        {
            _waiting.Add((Interlocked.Increment(ref _epoch), free));
            _count = _waiting.Count;
        }
        Collect();
    }

    internal void Collect()
    {
        var oldest = long.MaxValue;
        foreach (var machine in _machines)
        {
            if (Interlocked.Read(ref machine.Epoch) is var epoch and not 0)
                oldest = Math.Min(oldest, epoch);
        }
        List<Action>? ready = null;
        lock (_waiting)
        {
            for (var i = _waiting.Count - 1; i >= 0; i--)
            {
                if (_waiting[i].Epoch > oldest)
                    continue;
                (ready ??= []).Add(_waiting[i].Free);
                _waiting.RemoveAt(i);
            }
            _count = _waiting.Count;
        }
        foreach (var free in ready ?? [])
            free();
    }
}
