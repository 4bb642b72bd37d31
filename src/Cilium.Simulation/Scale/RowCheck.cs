using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;
using Cilium.Simulation.Clusters;

namespace Cilium.Simulation.Scale;

/// <summary>Compares the maps of every node with the cluster's objects, without asking the agents.</summary>
/// <param name="cluster">The cluster, settled.</param>
internal sealed class RowCheck(SimulatedCluster cluster)
{
    /// <summary>Entries that some node lacks, has otherwise, or has too many: pods in the ipcache, own pods, and services with their backends.</summary>
    internal long Missing()
    {
        var pods = cluster.Pods.Values.SelectMany(pod => pod.Row.PodIPs.Select(address => (pod.Node, pod.Identity, Key: Prefix.Of(address).ToMap(), Address: address.ToMap()))).ToList();
        var frontends = cluster.Kubernetes.Services.Snapshot().Values.Where(service => service.ClusterIPs.Count > 0).SelectMany(service => service.ClusterIPs.Select(address => (
            Key: ServiceState.KeyOf(new L4Address(address, service.Ports[0].Port, service.Ports[0].Protocol)),
            Backends: cluster.Pods.Values.Count(pod => ServiceSlices.Selects(service, pod.Row))))).ToList();
        var own = pods.GroupBy(pod => pod.Node).ToDictionary(group => group.Key, group => group.ToList());
        var missing = 0L;
        Parallel.ForEach(cluster.Nodes, node =>
        {
            var maps = node.Datapath.Maps;
            var lacking = pods.LongCount(pod => !maps.IpCache.TryLookup(pod.Key, out var value) || value.Identity != pod.Identity.Value);
            lacking += (own.GetValueOrDefault(node) ?? []).LongCount(pod => !maps.Endpoints.TryLookup(pod.Address, out var row) || row.Identity != pod.Identity.Value);
            lacking += frontends.LongCount(frontend => !maps.Services.Frontends.TryLookup(frontend.Key, out var value) || value.Count != frontend.Backends);
            // What is about nobody any more: a pod's address leads to no identity but that of its range.
            lacking += Math.Abs(PodEntries(maps) - pods.Count);
            Interlocked.Add(ref missing, lacking);
        });
        return missing;
    }

    private static long PodEntries(DatapathMaps maps) => maps.IpCache.ToDictionary().Values.LongCount(value => value.Identity is >= Identity.MinimumAllocated and <= Identity.MaximumAllocated);
}
