using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;

namespace Cilium.Simulation.Snapshots;

/// <summary>Copies what the maps of a node hold into maps of this process. Counters and events stay behind.</summary>
internal static class SnapshotMaps
{
    internal static void Copy(DatapathMaps from, DatapathMaps to, InProcessEngine engine)
    {
        foreach (var (ifindex, row) in from.Devices.ToDictionary().Where(entry => entry.Value != default))
            to.Devices.Update(ifindex, row);
        Copy(from.DevicesHigh, to.DevicesHigh);
        Copy(from.Endpoints, to.Endpoints);
        Copy(from.DeviceAddresses, to.DeviceAddresses);
        Copy(from.IpCache, to.IpCache);
        Copy(from.Services.Frontends, to.Services.Frontends);
        Copy(from.Services.Slots, to.Services.Slots);
        Copy(from.Services.Backends, to.Services.Backends);
        Copy(from.Services.RevNat, to.Services.RevNat);
        Copy(from.Services.SourceRanges, to.Services.SourceRanges);
        Copy(from.Services.AffinityMembers, to.Services.AffinityMembers);
        Copy(from.Affinity, to.Affinity);
        Copy(from.SocketRevNat, to.SocketRevNat);
        Copy(from.Conntrack, to.Conntrack);
        Copy(from.Snat, to.Snat);

        // Only policies that endpoints have: the array is mostly empty ones kept ready.
        foreach (var id in from.Endpoints.ToDictionary().Values.Select(row => row.PolicyId).Append(0u).Distinct())
        {
            using var source = from.Policies.OpenOrNull(id);
            if (source is null)
                continue;
            using var copy = BpfMap.Create(Explaining.LookupText.PolicyMap, DatapathLoader.InnerPolicyShape(engine) with { MaxEntries = source.Shape.MaxEntries }, engine);
            Copy(source.As<PolicyKey, PolicyValue>(), copy.As<PolicyKey, PolicyValue>());
            to.Policies.UpdateBatch([id], [copy]);
            if (from.PolicyStamps.TryLookup(id, out var stamp))
                to.PolicyStamps.Update(id, stamp);
        }
    }

    private static void Copy<TKey, TValue>(BpfMap<TKey, TValue> from, BpfMap<TKey, TValue> to)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        foreach (var (key, value) in from.ToDictionary())
        {
            if (to.Update(key, value) == MapStatus.Full)
                throw new SnapshotException($"the copy of {from.Name} is full");
        }
    }
}
