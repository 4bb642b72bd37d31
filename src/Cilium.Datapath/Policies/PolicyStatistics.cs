using Cilium.Bpf;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.Policies;

/// <summary>Packets and bytes by the counter of a policy entry. Safe for use from many threads.</summary>
/// <remarks>
/// A counter has a place for each CPU, one CPU's places behind the other's, in an array: in one that the kernel has per CPU it allocates each
/// place by itself, which takes a tenth of a second.
/// </remarks>
public sealed class PolicyStatistics
{
    /// <summary>How many there are, with the one of number zero, which is nobody's.</summary>
    public const uint Counters = 65536;

    /// <summary>Reads <c>cilium_policy_stats</c>, of which it knows by its capacity for how many CPUs it is.</summary>
    public PolicyStatistics(BpfMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        Map = map.As<uint, MetricsValue>();
        Cpus = map.Shape.MaxEntries / Counters;
    }

    /// <summary>CPUs that count.</summary>
    public uint Cpus { get; }

    internal BpfMap<uint, MetricsValue> Map { get; }

    /// <summary>What all CPUs have counted together.</summary>
    public MetricsValue Read(uint counter)
    {
        var sum = default(MetricsValue);
        for (var cpu = 0u; cpu < Cpus; cpu++)
        {
            if (Map.TryLookup((cpu * Counters) + counter, out var value))
                sum = new MetricsValue(sum.Count + value.Count, sum.Bytes + value.Bytes);
        }
        return sum;
    }

    internal void Clear(IReadOnlyCollection<uint> counters)
    {
        var places = new uint[counters.Count * Cpus];
        var next = 0;
        for (var cpu = 0u; cpu < Cpus; cpu++)
        {
            foreach (var counter in counters)
                places[next++] = (cpu * Counters) + counter;
        }
        Map.UpdateBatch(places, new MetricsValue[places.Length]);
    }
}
