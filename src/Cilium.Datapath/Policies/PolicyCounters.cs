namespace Cilium.Datapath.Policies;

/// <summary>
/// Indices of cilium_policy_stats, one for each policy entry. When all are taken, further entries share index zero and are
/// not counted. Not safe for use from many threads.
/// </summary>
/// <param name="clear">Sets the counters of indices to zero.</param>
internal sealed class PolicyCounters(Action<IReadOnlyCollection<uint>> clear)
{
    private const uint NotCounted = 0;

    private readonly Queue<uint> _returned = new();
    private uint _next = NotCounted + 1;

    /// <summary>Leaves out what entries of an earlier agent have; before the first <see cref="Take"/>.</summary>
    internal void Reserve(IReadOnlySet<uint> taken)
    {
        var last = taken.DefaultIfEmpty(NotCounted).Max();
        for (; _next <= last; _next++)
        {
            if (!taken.Contains(_next))
                _returned.Enqueue(_next);
        }
    }

    /// <summary>Indices whose counters are zero; all are cleared at once, as there are as many places of each as CPUs.</summary>
    internal uint[] Take(int count)
    {
        var indices = new uint[count];
        for (var i = 0; i < count; i++)
            indices[i] = _next < PolicyStatistics.Counters ? _next++ : _returned.TryDequeue(out var oldest) ? oldest : NotCounted;
        // The last ones are those that nothing was left for.
        var given = Array.IndexOf(indices, NotCounted);
        if (given != 0 && count > 0)
            clear(given < 0 ? indices : indices[..given]);
        return indices;
    }

    /// <summary>The entry is gone.</summary>
    internal void Return(uint index)
    {
        if (index != NotCounted)
            _returned.Enqueue(index);
    }
}
