using System.Collections.Concurrent;
using Cilium.Bpf;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Policies;
using Cilium.Netlink;
using MapRow = Cilium.Datapath.Maps.EndpointRow;

namespace Cilium.Datapath.Endpoints;

/// <summary>
/// Carries endpoints to the kernel. Order of an arrival: 1. its policy, complete; 2. the device's row; 3. the programs on the device;
/// 4. the rows of its addresses, from when on it is reached. A departure goes the other way.
/// </summary>
internal sealed class EndpointOperations(
    DatapathMaps maps,
    IPodDevices pods,
    PolicySlots policies,
    IReadTable<PolicyContentKey, PolicyRow> policyTable,
    Action<Addr128> forgetConnections)
    : IReconcilerOperations<EndpointId, EndpointRow>
{
    private readonly ConcurrentDictionary<EndpointId, Applied> _applied = new();

    private sealed record Applied(EndpointRow Row, MapRow MapRow);

    /// <summary>Whether the kernel has exactly this row. Safe for use from many threads.</summary>
    internal bool Has(EndpointRow row) => _applied.TryGetValue(row.Id, out var applied) && applied.Row == row;

    /// <inheritdoc/>
    public ValueTask ApplyAsync(ReconcileBatch<EndpointId, EndpointRow> batch, CancellationToken cancellationToken)
    {
        // Departures first: an address may have moved to another endpoint in the same batch.
        foreach (var change in batch.Changes.Where(change => change.IsDelete))
            Attempt(batch, change.Key, () => Remove(change.Key, change.Previous));
        foreach (var change in batch.Changes)
        {
            if (change.Current is { } row)
                Attempt(batch, change.Key, () => Write(row));
        }
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask PruneAsync(TableSnapshot<EndpointId, EndpointRow> desired, CancellationToken cancellationToken)
    {
        // 1. Addresses and devices of nobody; the node's own addresses are not ours.
        var addresses = desired.Values.SelectMany(AddressesOf).ToHashSet();
        foreach (var (address, row) in maps.Endpoints.ToDictionary())
        {
            if (!addresses.Contains(address) && (row.Flags & EndpointFlags.Host) == 0)
                maps.Endpoints.Delete(address);
        }
        var devices = desired.Values.Select(row => (uint)row.InterfaceIndex).ToHashSet();
        foreach (var ifindex in TakenDevices().Where(ifindex => !devices.Contains(ifindex)))
        {
            maps.Devices.Update(ifindex, default);
            pods.RemoveDevice((int)ifindex);
        }
        foreach (var ifindex in maps.DevicesHigh.ToDictionary().Keys.Where(ifindex => !devices.Contains(ifindex)))
        {
            maps.DevicesHigh.Delete(ifindex);
            pods.RemoveDevice((int)ifindex);
        }

        // 2. Links and rules of nobody.
        pods.Prune([.. desired.Values]);

        // 3. Policies that only those used.
        policies.PruneInherited();
        return ValueTask.CompletedTask;
    }

    // An array has a row for each index, nearly all of them empty.
    private List<uint> TakenDevices()
    {
        var taken = new List<uint>();
        var cursor = maps.Devices.Read();
        while (cursor.Next(out var keys, out var rows))
        {
            for (var i = 0; i < keys.Length; i++)
            {
                if (rows[i] != default)
                    taken.Add(keys[i]);
            }
        }
        return taken;
    }

    private static void Attempt(ReconcileBatch<EndpointId, EndpointRow> batch, EndpointId id, Action action)
    {
        try
        {
            action();
        }
        catch (Exception refusal) when (refusal is KernelException or NetlinkException or MapFullException or PolicyMissingException or UplinkMissingException)
        {
            batch.Fail(id, refusal);
        }
    }

    private static IEnumerable<Addr128> AddressesOf(EndpointRow row)
    {
        if (!row.IPv4.IsNone)
            yield return row.IPv4.ToMap();
        if (!row.IPv6.IsNone)
            yield return row.IPv6.ToMap();
    }

    private void Write(EndpointRow row)
    {
        var before = _applied.GetValueOrDefault(row.Id);
        var policy = row.Policy is { } key
            ? policyTable.TryGet(key, out var found) ? found : throw new PolicyMissingException(row.Id, key)
            : null;
        var policyId = policy is null ? PolicySlots.NoPolicy : policies.Acquire(policy);
        try
        {
            var mapRow = MapRowOf(row, policy, policyId);
            if (before?.MapRow != mapRow)
                Put(maps.DevicesFor((uint)row.InterfaceIndex), (uint)row.InterfaceIndex, mapRow);
            pods.Attach(row, before?.Row);
            foreach (var address in AddressesOf(row))
                Put(maps.Endpoints, address, mapRow);
            if (before is not null)
                RemoveStale(before.Row, row);
            _applied[row.Id] = new Applied(row, mapRow);
        }
        catch (Exception) when (policy is not null)
        {
            policies.Release(policy.Key);
            throw;
        }
        // The old policy is let go after the rows name the new one.
        if (before?.Row.Policy is { } old)
            policies.Release(old);
    }

    private void Remove(EndpointId id, EndpointRow? previous)
    {
        var row = _applied.GetValueOrDefault(id)?.Row ?? previous;
        if (row is null)
            return;
        foreach (var address in AddressesOf(row))
            RemoveAddress(id, address);
        RemoveDevice(id, (uint)row.InterfaceIndex);
        pods.Remove(row);
        if (_applied.TryRemove(id, out var applied) && applied.Row.Policy is { } policy)
            policies.Release(policy);
    }

    private void RemoveStale(EndpointRow before, EndpointRow now)
    {
        foreach (var address in AddressesOf(before).Except(AddressesOf(now)))
            RemoveAddress(before.Id, address);
        if (before.InterfaceIndex != now.InterfaceIndex)
            RemoveDevice(before.Id, (uint)before.InterfaceIndex);
    }

    // An address or device may belong to a newer endpoint already.
    private void RemoveAddress(EndpointId id, Addr128 address)
    {
        if (!maps.Endpoints.TryLookup(address, out var row) || row.EndpointId != id.Value)
            return;
        maps.Endpoints.Delete(address);
        forgetConnections(address);
    }

    private void RemoveDevice(EndpointId id, uint ifindex)
    {
        var map = maps.DevicesFor(ifindex);
        if (!map.TryLookup(ifindex, out var row) || row.EndpointId != id.Value)
            return;
        if (ReferenceEquals(map, maps.Devices))
            map.Update(ifindex, default);
        else
            map.Delete(ifindex);
    }

    private static void Put<TKey>(BpfMap<TKey, MapRow> map, TKey key, MapRow row)
        where TKey : unmanaged
    {
        if (map.Update(key, row) == MapStatus.Full)
            throw new MapFullException(map, 1);
    }

    private static MapRow MapRowOf(EndpointRow row, PolicyRow? policy, uint policyId) => new(
        row.Identity.Value,
        row.Id.Value,
        EndpointFlags.Present
            | (policy is { IngressEnforced: true } ? EndpointFlags.IngressEnforced : 0)
            | (policy is { EgressEnforced: true } ? EndpointFlags.EgressEnforced : 0)
            | (row.SkipsIPv4Masquerade ? EndpointFlags.SkipMasqueradeIpv4 : 0)
            | (row.SkipsIPv6Masquerade ? EndpointFlags.SkipMasqueradeIpv6 : 0),
        policyId,
        (uint)row.InterfaceIndex,
        row.PodMac.ToMap(),
        row.HostMac.ToMap(),
        0,
        row.IPv4.IsNone ? default : row.IPv4.ToMap(),
        row.IPv6.IsNone ? default : row.IPv6.ToMap());
}

/// <summary>An endpoint names a policy that has no row (yet).</summary>
internal sealed class PolicyMissingException(EndpointId endpoint, PolicyContentKey policy)
    : Exception($"endpoint {endpoint} names policy {policy.Value}, which does not exist");
