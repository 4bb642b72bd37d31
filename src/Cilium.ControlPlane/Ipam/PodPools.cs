using Cilium.ControlPlane.Agent;
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
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    /// <summary>Chooses for an owner, waiting a moment for its pod to be known.</summary>
    /// <returns>The request with its pools, or null when the pod must match a pool and matches none.</returns>
    public async Task<AddressRequest?> ChooseAsync(AddressRequest request, CancellationToken cancellationToken)
    {
        var slash = request.Owner.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return request with { IPv4Pool = options.DefaultIPPool, IPv6Pool = options.DefaultIPPool };
        }

        var pod = await FindPodAsync(new NamespacedName(request.Owner[..slash], request.Owner[(slash + 1)..]), cancellationToken).ConfigureAwait(false);
        tables.Kubernetes.Namespaces.TryGet(request.Owner[..slash], out var inNamespace);
        var pools = tables.Kubernetes.PodIPPools.Snapshot().Values.OrderBy(pool => pool.Name, StringComparer.Ordinal).ToList();
        var four = Choose(pod, inNamespace, IPv4Only, pools.Where(pool => pool.Definition.IPv4 is not null));
        var six = Choose(pod, inNamespace, IPv6Only, pools.Where(pool => pool.Definition.IPv6 is not null));
        return (four is null && request.WantsIPv4 && options.Datapath.EnableIPv4) || (six is null && request.WantsIPv6 && options.Datapath.EnableIPv6)
            ? null
            : request with { IPv4Pool = four ?? "", IPv6Pool = six ?? "" };
    }

    /// <summary>Chooses the pool of one family; null when the pod must match a pool and matches none.</summary>
    internal string? Choose(PodRow? pod, NamespaceRow? inNamespace, string annotation, IEnumerable<PodIPPoolRow> pools)
    {
        foreach (var annotations in new[] { pod?.Annotations, inNamespace?.Annotations })
        {
            if (annotations is not null && (annotations.TryGetValue(annotation, out var pool) || annotations.TryGetValue(AnyFamily, out pool)) && pool.Length > 0)
            {
                return pool;
            }
        }

        if (pod is not null && pools.FirstOrDefault(pool => Selects(pool, pod, inNamespace)) is { } selecting)
        {
            return selecting.Name;
        }

        return IsTrue(pod?.Annotations) || IsTrue(inNamespace?.Annotations) ? null : options.DefaultIPPool;
    }

    private static bool IsTrue(StringMap? annotations) => annotations is not null && annotations.TryGetValue(RequireMatch, out var value) && value == "true";

    private static bool Selects(PodIPPoolRow pool, PodRow pod, NamespaceRow? inNamespace) =>
        (pool.PodSelector is not null || pool.NamespaceSelector is not null)
        && (pool.PodSelector?.Matches(pod.Labels) ?? true)
        && (pool.NamespaceSelector is null || (inNamespace is not null && pool.NamespaceSelector.Matches(inNamespace.Labels)));

    // The runtime may be faster than our watch.
    private async Task<PodRow?> FindPodAsync(NamespacedName key, CancellationToken cancellationToken)
    {
        using var pods = tables.Kubernetes.Pods.Subscribe();
        using var patience = new CancellationTokenSource(s_patience, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            while (true)
            {
                pods.Drain();
                if (tables.Kubernetes.Pods.TryGet(key, out var pod))
                {
                    return pod;
                }

                await pods.WaitAsync(linked.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // Not a pod that the API server knows: it has no annotations.
            return null;
        }
    }
}
