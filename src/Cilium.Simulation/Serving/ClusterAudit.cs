using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;
using Cilium.Simulation.Clusters;

namespace Cilium.Simulation.Serving;

/// <summary>Looks at what the API server of a settled cluster holds, by a list of its own, and compares it with what must be.</summary>
internal static class ClusterAudit
{
    /// <returns>What is wrong, each on its line.</returns>
    internal static async Task<IReadOnlyList<string>> CheckAsync(SimulatedCluster cluster, CancellationToken cancellationToken)
    {
        var (tables, connection) = await cluster.Served!.ReadAllAsync(cancellationToken).ConfigureAwait(false);
        using var _ = connection;
        return
        [
            .. Nodes(cluster, tables),
            .. Pods(cluster, tables),
            .. Identities(tables),
            .. LoadBalancers(cluster, tables),
            .. Watched(cluster, tables),
            .. await PoliciesAsync(connection, cancellationToken).ConfigureAwait(false),
        ];
    }

    /// <summary>Every node has one CIDR of each family out of the pool, that no other has, and is told to be up.</summary>
    private static IEnumerable<string> Nodes(SimulatedCluster cluster, KubernetesTables tables)
    {
        var owners = new Dictionary<Prefix, string>();
        var rows = tables.CiliumNodes.Snapshot();
        foreach (var extra in rows.Keys.Except(cluster.Nodes.Select(node => node.Name)))
            yield return $"CiliumNode {extra} has no node";
        foreach (var node in cluster.Nodes)
        {
            if (!rows.TryGet(node.Name, out var row))
            {
                yield return $"node {node.Name} has no CiliumNode";
                continue;
            }
            if (row.PodCidrs.Count(cidr => cidr.IsIPv4) != (node.Options.Datapath.EnableIPv4 ? 1 : 0) || row.PodCidrs.Count(cidr => !cidr.IsIPv4) != (node.Options.Datapath.EnableIPv6 ? 1 : 0))
                yield return $"node {node.Name} has the pod CIDRs {row.PodCidrs}";
            if (row.OperatorError.Length > 0)
                yield return $"node {node.Name}: {row.OperatorError}";
            foreach (var cidr in row.PodCidrs)
            {
                if (!owners.TryAdd(cidr, node.Name))
                    yield return $"{cidr} is of {owners[cidr]} and of {node.Name}";
                if (!(cidr.IsIPv4 ? ClusterAddresses.Pods4 : ClusterAddresses.Pods6).Contains(cidr) || cidr.Length != (cidr.IsIPv4 ? ClusterAddresses.NodeLength4 : ClusterAddresses.NodeLength6))
                    yield return $"{cidr} of {node.Name} is not of the pool";
                if (!node.Local.PodPrefixes.Contains(cidr))
                    yield return $"node {node.Name} does not use {cidr}";
            }
            foreach (var router in node.RouterAddresses.Where(router => !row.Addresses.Contains(router)))
                yield return $"CiliumNode {node.Name} does not tell of its router {router.Address}";
            if (!tables.Nodes.TryGet(node.Name, out var kube) || !kube.NetworkIsUp || kube.Taints.Any(taint => taint.Key == node.Options.NotReadyTaint))
                yield return $"node {node.Name} is not told to be ready";
        }
    }

    /// <summary>Every pod has addresses of its node that nobody else has, and a CiliumEndpoint that says so; nobody else has one.</summary>
    private static IEnumerable<string> Pods(SimulatedCluster cluster, KubernetesTables tables)
    {
        var owners = cluster.Nodes.SelectMany(node => node.RouterAddresses.Select(router => (router.Address, Owner: $"the router of {node.Name}")))
            .GroupBy(pair => pair.Address).ToDictionary(group => group.Key, group => group.First().Owner);
        var rows = tables.CiliumEndpoints.Snapshot();
        foreach (var extra in rows.Keys.Except(cluster.Pods.Keys))
            yield return $"CiliumEndpoint {extra} has no pod";
        foreach (var pod in cluster.Pods.Values)
        {
            foreach (var address in pod.Row.PodIPs)
            {
                if (!owners.TryAdd(address, pod.Row.Key.ToString()))
                    yield return $"{address} is of {owners[address]} and of {pod}";
                if (!pod.Node.Local.PodPrefixes.Any(cidr => cidr.Contains(address)))
                    yield return $"{address} of {pod} is not of its node {pod.Node.Name}";
            }
            if (!rows.TryGet(pod.Row.Key, out var row))
                yield return $"pod {pod} has no CiliumEndpoint";
            else if (row.Addresses != pod.Row.PodIPs || row.PodUid != pod.Row.Uid || row.NodeIP != pod.ToCiliumEndpoint(row.Identity).NodeIP)
                yield return $"the CiliumEndpoint of {pod} says {row.Addresses} on {row.NodeIP}";
            else if (!tables.CiliumIdentities.TryGet(row.Identity, out var identity) || !identity.Labels.Equals(pod.Subject.Labels))
                yield return $"pod {pod} has the identity {row.Identity.Value}, which is not that of its labels";
            if (!tables.Pods.TryGet(pod.Row.Key, out var told) || told.PodIPs != pod.Row.PodIPs)
                yield return $"the API server does not know the addresses of {pod}";
        }
    }

    /// <summary>Labels that pods have are known by one identity; another one of the same labels is used by nobody.</summary>
    private static IEnumerable<string> Identities(KubernetesTables tables)
    {
        var used = tables.CiliumEndpoints.Snapshot().Values.Select(row => row.Identity).ToHashSet();
        foreach (var group in tables.CiliumIdentities.Snapshot().Values.Where(row => used.Contains(row.Id)).GroupBy(row => row.Labels).Where(group => group.Count() > 1))
            yield return $"{group.Key} are {string.Join(" and ", group.Select(row => row.Id.Value).Order())}";
    }

    private static IEnumerable<string> LoadBalancers(SimulatedCluster cluster, KubernetesTables tables)
    {
        var families = (cluster.Nodes[0].Options.Datapath.EnableIPv4 ? 1 : 0) + (cluster.Nodes[0].Options.Datapath.EnableIPv6 ? 1 : 0);
        var owners = new Dictionary<IpAddr, NamespacedName>();
        foreach (var row in tables.Services.Snapshot().Values.Where(row => row.Type == "LoadBalancer"))
        {
            if (row.LoadBalancerIPs.Count != Math.Min(families, row.IPFamilies.Count))
                yield return $"service {row.Key} has the load balancer addresses {row.LoadBalancerIPs}";
            foreach (var address in row.LoadBalancerIPs)
            {
                if (!owners.TryAdd(address, row.Key))
                    yield return $"{address} is of {owners[address]} and of {row.Key}";
                if (!(address.IsIPv4 ? ClusterAddresses.LoadBalancers4 : ClusterAddresses.LoadBalancers6).Contains(address))
                    yield return $"{address} of {row.Key} is not of the pool";
            }
        }
    }

    /// <summary>What agents know by their watches is what a list tells.</summary>
    private static IEnumerable<string> Watched(SimulatedCluster cluster, KubernetesTables tables) =>
    [
        .. Differences("pods", cluster.Kubernetes.Pods, tables.Pods),
        .. Differences("nodes", cluster.Kubernetes.Nodes, tables.Nodes),
        .. Differences("services", cluster.Kubernetes.Services, tables.Services),
        .. Differences("endpointslices", cluster.Kubernetes.EndpointSlices, tables.EndpointSlices),
        .. Differences("ciliumnodes", cluster.Kubernetes.CiliumNodes, tables.CiliumNodes),
        .. Differences("ciliumendpoints", cluster.Kubernetes.CiliumEndpoints, tables.CiliumEndpoints),
        .. Differences("ciliumidentities", cluster.Kubernetes.CiliumIdentities, tables.CiliumIdentities),
        .. Differences("policies", cluster.Kubernetes.Policies, tables.Policies),
    ];

    private static IEnumerable<string> Differences<TKey, TRow>(string name, Core.Tables.Table<TKey, TRow> watched, Core.Tables.Table<TKey, TRow> listed)
        where TKey : notnull
        where TRow : class
    {
        var (left, right) = (watched.Snapshot(), listed.Snapshot());
        var count = left.Keys.Concat(right.Keys).Distinct().Count(key => !left.TryGet(key, out var one) || !right.TryGet(key, out var other) || !one.Equals(other));
        if (count > 0)
            yield return $"{count} {name} are otherwise in the tables of the agents than at the API server";
    }

    /// <summary>Every policy that can be judged was judged.</summary>
    private static async Task<IEnumerable<string>> PoliciesAsync(KubernetesConnection connection, CancellationToken cancellationToken)
    {
        var objects = new KubernetesObjects(connection);
        var wrong = new List<string>();
        foreach (var resource in new[] { Resource.CiliumNetworkPolicies, Resource.CiliumClusterwideNetworkPolicies })
        {
            foreach (var policy in await objects.ListAsync(resource, "", WireJson.Default.PolicyStatusWire, cancellationToken).ConfigureAwait(false))
            {
                if (policy.Status?.Conditions?.Exists(condition => condition is { Type: "Valid", Status: "True" }) != true)
                    wrong.Add($"{resource.Kind} {policy.Metadata?.Name} is not told to be valid");
            }
        }
        return wrong;
    }
}
