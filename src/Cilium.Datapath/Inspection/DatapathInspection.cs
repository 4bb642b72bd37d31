using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.Inspection;

/// <summary>Reads what the pinned maps of a node hold, in our vocabulary, with or without an agent.</summary>
/// <param name="maps">The maps; the caller disposes them.</param>
public sealed class DatapathInspection(DatapathMaps maps)
{
    /// <summary>Connections.</summary>
    public IEnumerable<KeyValuePair<CtTuple, CtEntry>> Conntrack() => maps.Conntrack.ToDictionary();

    /// <summary>Local addresses with their rows, by address.</summary>
    public IEnumerable<(IpAddr Address, EndpointRow Row)> Endpoints() =>
        maps.Endpoints.ToDictionary().Select(entry => (entry.Key.ToIpAddr(), entry.Value)).OrderBy(entry => entry.Item1);

    /// <summary>Prefixes with identity and tunnel endpoint, by prefix.</summary>
    public IEnumerable<(Prefix Prefix, Identity Identity, IpAddr TunnelEndpoint)> IpCache() =>
        maps.IpCache.ToDictionary()
            .Select(entry => (entry.Key.ToPrefix(), new Identity(entry.Value.Identity), entry.Value.TunnelEndpoint.ToIpAddr()))
            .OrderBy(entry => entry.Item1);

    /// <summary>Frontends with their backends, by service id.</summary>
    public IEnumerable<ServiceEntry> Services()
    {
        var slots = maps.Services.Slots.ToDictionary().ToLookup(slot => slot.Key.ServiceId);
        var revNat = maps.Services.RevNat.ToDictionary();
        return maps.Services.Frontends.ToDictionary()
            .Select(entry => new ServiceEntry(
                entry.Value.ServiceId,
                new L4Address(entry.Key.Address.ToIpAddr(), entry.Key.Port.Number, (L4Protocol)entry.Key.Protocol),
                (FrontendFlags)entry.Value.Flags,
                [.. slots[entry.Value.ServiceId].Where(slot => slot.Key.Slot < entry.Value.First + entry.Value.Count).OrderBy(slot => slot.Key.Slot).Select(BackendOf)],
                revNat.ContainsKey(entry.Value.ServiceId)))
            .OrderBy(service => service.Id);
    }

    /// <summary>Sources from which clients outside may use a service, by service id and range.</summary>
    public IEnumerable<(uint ServiceId, Prefix Range)> SourceRanges() =>
        maps.Services.SourceRanges.ToDictionary().Keys.Select(key => (key.ServiceId, key.ToPrefix())).Order();

    /// <summary>Policies by id: those that endpoints name.</summary>
    public IEnumerable<(uint PolicyId, IReadOnlyList<ushort> Endpoints, IReadOnlyDictionary<Maps.PolicyKey, PolicyValue> Entries)> Policies()
    {
        foreach (var group in maps.Endpoints.ToDictionary().Values.Where(row => row.PolicyId != 0).GroupBy(row => row.PolicyId).OrderBy(g => g.Key))
        {
            using var inner = maps.Policies.OpenOrNull(group.Key);
            if (inner is not null)
                yield return (group.Key, [.. group.Select(row => row.EndpointId).Distinct().Order()], inner.As<Maps.PolicyKey, PolicyValue>().ToDictionary());
        }
    }

    /// <summary>What a policy entry decided about, all CPUs together; zero when the entry has no counter.</summary>
    public MetricsValue CountOf(PolicyValue entry) => entry.Counter != 0 ? maps.PolicyStats.Read(entry.Counter) : default;

    /// <summary>Dropped packets by reason and place, all CPUs together.</summary>
    public IEnumerable<KeyValuePair<MetricsKey, MetricsValue>> Drops() => maps.Metrics.Fold(default(MetricsValue), Add);

    /// <summary>Forwarded packets by direction, all CPUs together.</summary>
    public IEnumerable<KeyValuePair<MetricDirection, MetricsValue>> Forwarded() =>
        maps.Forwarded.Fold(default(MetricsValue), Add)
            .Where(entry => entry.Key != 0)
            .Select(entry => KeyValuePair.Create((MetricDirection)entry.Key, entry.Value));

    /// <summary>Masqueraded connections.</summary>
    public IEnumerable<KeyValuePair<SnatKey, SnatValue>> Translations() => maps.Snat.ToDictionary();

    private static MetricsValue Add(MetricsValue sum, MetricsValue value) => new(sum.Count + value.Count, sum.Bytes + value.Bytes);

    private static ServiceBackend BackendOf(KeyValuePair<SlotKey, SlotValue> slot) => new(
        slot.Value.BackendId, new L4Address(slot.Value.Address.ToIpAddr(), slot.Value.Port.Number, (L4Protocol)slot.Value.Protocol));
}

/// <summary>A frontend as the maps have it.</summary>
/// <param name="Id">The service id, which is also the reverse translation's.</param>
/// <param name="Frontend">The address.</param>
/// <param name="Flags">Its flags.</param>
/// <param name="Backends">Backends in slot order.</param>
/// <param name="HasReverse">Whether the reverse translation is there.</param>
public sealed record ServiceEntry(uint Id, L4Address Frontend, FrontendFlags Flags, EquatableArray<ServiceBackend> Backends, bool HasReverse);

/// <summary>A backend as the maps have it.</summary>
/// <param name="Id">The backend id.</param>
/// <param name="Address">Its address.</param>
public readonly record struct ServiceBackend(uint Id, L4Address Address);
