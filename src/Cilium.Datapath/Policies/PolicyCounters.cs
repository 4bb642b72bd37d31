using Cilium.Datapath.Kernel;

namespace Cilium.Datapath.Policies;

/// <summary>
/// Indices of cilium_policy_stats, given to policy entries one by one. When all are taken, further entries share index zero and are
/// not counted. Not safe for use from many threads.
/// </summary>
internal sealed class PolicyCounters(DatapathMaps maps)
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

    /// <summary>An index whose counters are zero.</summary>
    internal uint Take()
    {
        var index = _next < PolicyStatistics.Counters ? _next++ : _returned.TryDequeue(out var oldest) ? oldest : NotCounted;
        if (index != NotCounted)
            maps.PolicyStats.Clear(index);
        return index;
    }

    /// <summary>The entry is gone.</summary>
    internal void Return(uint index)
    {
        if (index != NotCounted)
            _returned.Enqueue(index);
    }
}
