namespace Cilium.ControlPlane.Agent;

/// <summary>
/// How many threads the pool begins with: all while there is work, one when there is none, for with each piece of work it wakes another thread, up to
/// that number, to look for more. It adds threads in any case when those it has are blocked, or have left work waiting for half a second. Thread-safe.
/// </summary>
/// <remarks>
/// Without effect beyond the next piece of work where the pool tunes itself (<c>System.Threading.ThreadPool.HillClimbing</c>): it would try out more
/// threads now and then.
/// </remarks>
internal sealed class PoolThreads
{
    private readonly Lock _lock = new();
    private readonly int _all;
    private volatile bool _hasSettled;

    public PoolThreads() => ThreadPool.GetMinThreads(out _all, out _);

    /// <summary>One thread. What the pool aims at is lowered by a maximum only, not by the minimum; it stays when the maximum is as before.</summary>
    public void Settle()
    {
        lock (_lock)
        {
            _hasSettled = true;
            ThreadPool.GetMinThreads(out _, out var completionMinimum);
            ThreadPool.GetMaxThreads(out var maximum, out var completionMaximum);
            if (ThreadPool.SetMinThreads(1, completionMinimum) && ThreadPool.SetMaxThreads(1, completionMaximum))
            {
                ThreadPool.SetMaxThreads(maximum, completionMaximum);
            }
        }
    }

    /// <summary>As many as at the beginning. Costs nothing when they are.</summary>
    public void Spread()
    {
        if (!_hasSettled)
        {
            return;
        }

        lock (_lock)
        {
            ThreadPool.GetMinThreads(out _, out var completionMinimum);
            ThreadPool.SetMinThreads(_all, completionMinimum);
            _hasSettled = false;
        }
    }
}
