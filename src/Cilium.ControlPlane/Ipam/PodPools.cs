using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Ipam;

/// <summary>Which pools a pod's addresses are from: its annotations say, then its namespace's, then the pools' selectors, then the default pool.</summary>
internal sealed class PodPools(AgentTables tables, AgentOptions options, TimeProvider time)
{
    private const string AnyFamily = "ipam.cilium.io/ip-pool";
    private const string IPv4Only = "ipam.cilium.io/ipv4-pool";
    private const string IPv6Only = "ipam.cilium.io/ipv6-pool";
    private const string RequireMatch = "ipam.cilium.io/require-pool-match";
    private const int ShownLength = 63;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Chooses for an owner, waiting a moment for its pod and its namespace to be known.</summary>
    /// <returns>The request with its pools, or null when the pod must match a pool and matches none.</returns>
    /// <exception cref="EndpointException">
    /// 400: an annotation names what no pool can be called. 503: one of them is not known yet, so that nobody can say which pool is the pod's.
    /// </exception>
    public async Task<AddressRequest?> ChooseAsync(AddressRequest request, CancellationToken cancellationToken)
    {
        var slash = request.Owner.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return request with { IPv4Pool = options.DefaultIPPool, IPv6Pool = options.DefaultIPPool };
        }

        var key = new NamespacedName(request.Owner[..slash], request.Owner[(slash + 1)..]);
        var (pod, inNamespace) = Find(key) ?? await WaitForAsync(key, cancellationToken).ConfigureAwait(false);
        var pools = tables.Kubernetes.PodIPPools.Snapshot().Values.OrderBy(pool => pool.Name, StringComparer.Ordinal).ToList();
        var four = Choose(pod, inNamespace, IPv4Only, pools.Where(pool => pool.Definition.IPv4 is not null));
        var six = Choose(pod, inNamespace, IPv6Only, pools.Where(pool => pool.Definition.IPv6 is not null));
        return (four is null && request.WantsIPv4 && options.Datapath.EnableIPv4) || (six is null && request.WantsIPv6 && options.Datapath.EnableIPv6)
            ? null
            : request with { IPv4Pool = four ?? "", IPv6Pool = six ?? "" };
    }

    /// <summary>Chooses the pool of one family; null when the pod must match a pool and matches none.</summary>
    private string? Choose(PodRow pod, NamespaceRow inNamespace, string annotation, IEnumerable<PodIPPoolRow> pools)
    {
        foreach (var annotations in new[] { pod.Annotations, inNamespace.Annotations })
        {
            if ((annotations.TryGetValue(annotation, out var pool) || annotations.TryGetValue(AnyFamily, out pool)) && pool.Length > 0)
            {
                // Whoever makes pods writes it, and it goes on into the node's own object, which the server would refuse with all that is in it.
                return ObjectNames.IsName(pool) ? pool : throw new EndpointException(
                    400, $"pod {pod.Key} wants addresses of the pool '{(pool.Length > ShownLength ? pool[..ShownLength] + "…" : pool)}', which is no name of a pool");
            }
        }

        if (pools.FirstOrDefault(pool => Selects(pool, pod, inNamespace)) is { } selecting)
        {
            return selecting.Name;
        }

        return IsTrue(pod.Annotations) || IsTrue(inNamespace.Annotations) ? null : options.DefaultIPPool;
    }

    private static bool IsTrue(StringMap annotations) => annotations.TryGetValue(RequireMatch, out var value) && value == "true";

    private static bool Selects(PodIPPoolRow pool, PodRow pod, NamespaceRow inNamespace) =>
        (pool.PodSelector is not null || pool.NamespaceSelector is not null)
        && (pool.PodSelector?.Matches(pod.Labels) ?? true)
        && (pool.NamespaceSelector?.Matches(inNamespace.Labels) ?? true);

    private (PodRow Pod, NamespaceRow Namespace)? Find(NamespacedName key) =>
        tables.Kubernetes.Pods.TryGet(key, out var pod) && tables.Kubernetes.Namespaces.TryGet(key.Namespace, out var inNamespace) ? (pod, inNamespace) : null;

    // The runtime may be faster than our watches, and a restarted agent may not have its first lists. A guess would be an address of a wrong pool.
    private async Task<(PodRow Pod, NamespaceRow Namespace)> WaitForAsync(NamespacedName key, CancellationToken cancellationToken)
    {
        using var pods = tables.Kubernetes.Pods.Subscribe();
        using var namespaces = tables.Kubernetes.Namespaces.Subscribe();
        var wakeup = new Wakeup(time, pods.WaitAsync, namespaces.WaitAsync);
        using var patience = new CancellationTokenSource(s_patience, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            while (true)
            {
                pods.Drain();
                namespaces.Drain();
                if (Find(key) is { } found)
                {
                    return found;
                }

                await wakeup.WaitAsync(null, linked.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            var missing = tables.Kubernetes.Pods.TryGet(key, out _) ? $"namespace {key.Namespace}" : $"pod {key}";
            throw new EndpointException(503, $"the agent does not know {missing} yet, which says the pool of the addresses");
        }
    }
}
