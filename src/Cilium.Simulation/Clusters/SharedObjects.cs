using Cilium.Core;
using Cilium.Kubernetes;

namespace Cilium.Simulation.Clusters;

/// <summary>Objects that are rows of one set of tables, which all agents read: nobody writes to an API server, and nothing is told twice.</summary>
/// <param name="kubernetes">The tables.</param>
/// <param name="addresses">Gives pod CIDRs.</param>
/// <param name="nodes">The nodes.</param>
internal sealed class SharedObjects(KubernetesTables kubernetes, ClusterAddresses addresses, IReadOnlyList<SimulatedNode> nodes) : IClusterStore
{
    private readonly Dictionary<LabelSet, Identity> _identities = [];

    public long Progress => kubernetes.Store.Revision;

    public bool IsQuiet => true;

    public int Patience => 0;

    public bool IsSettled() => true;

    public string Describe() => "";

    public Task<IReadOnlyList<KubeNodeRow>> JoinAsync(IReadOnlyList<KubeNodeRow> nodes, CancellationToken cancellationToken)
    {
        var rows = nodes.Select(addresses.Assign).ToList();
        kubernetes.Store.Write(transaction =>
        {
            foreach (var row in rows)
                transaction.Upsert(kubernetes.CiliumNodes, row);
        });
        return Task.FromResult(nodes);
    }

    public Task PublishAsync(CancellationToken cancellationToken)
    {
        kubernetes.Store.Write(transaction =>
        {
            foreach (var node in nodes)
            {
                if (transaction.TryGet(kubernetes.CiliumNodes, node.Name, out var row))
                    transaction.Upsert(kubernetes.CiliumNodes, row with { Addresses = row.Addresses.Concat(node.RouterAddresses).ToEquatableArray() });
            }
        });
        return Task.CompletedTask;
    }

    public Task WriteAsync(IEnumerable<NamespaceRow> namespaces, IEnumerable<ServiceRow> services, IEnumerable<PolicyObjectRow> policies, CancellationToken cancellationToken)
    {
        kubernetes.Store.Write(transaction =>
        {
            foreach (var row in namespaces)
                transaction.Upsert(kubernetes.Namespaces, row);
            foreach (var row in services)
                transaction.Upsert(kubernetes.Services, row);
            foreach (var row in policies)
                transaction.Upsert(kubernetes.Policies, row);
        });
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<PodRow>> BindAsync(IReadOnlyList<PodRow> pods, CancellationToken cancellationToken) => Task.FromResult(pods);

    public Task StartPodsAsync(IReadOnlyCollection<SimulatedPod> pods, CancellationToken cancellationToken)
    {
        kubernetes.Store.Write(transaction =>
        {
            foreach (var pod in pods)
            {
                var identity = IdentityOf(pod.Subject.Labels);
                transaction.Upsert(kubernetes.Pods, pod.Row);
                transaction.Upsert(kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = identity, Labels = pod.Subject.Labels });
                transaction.Upsert(kubernetes.CiliumEndpoints, pod.ToCiliumEndpoint(identity));
            }
        });
        foreach (var pod in pods)
            pod.Node.Identify(pod, IdentityOf(pod.Subject.Labels));
        return Task.CompletedTask;
    }

    public Task DeleteAsync(SimulatedPod pod, CancellationToken cancellationToken)
    {
        kubernetes.Store.Write(transaction =>
        {
            transaction.Delete(kubernetes.Pods, pod.Row.Key);
            transaction.Delete(kubernetes.CiliumEndpoints, pod.Row.Key);
        });
        pod.Node.Forget(pod);
        return Task.CompletedTask;
    }

    public Task WriteSlicesAsync(IReadOnlyCollection<EndpointSliceRow> slices, IReadOnlyCollection<NamespacedName> gone, CancellationToken cancellationToken)
    {
        kubernetes.Store.Write(transaction =>
        {
            foreach (var key in gone)
                transaction.Delete(kubernetes.EndpointSlices, key);
            foreach (var row in slices)
                transaction.Upsert(kubernetes.EndpointSlices, row);
        });
        return Task.CompletedTask;
    }

    public Task ApplyAsync(PolicyObjectRow policy, CancellationToken cancellationToken)
    {
        kubernetes.Store.Write(transaction => transaction.Upsert(kubernetes.Policies, policy));
        return Task.CompletedTask;
    }

    public Task DeleteAsync(PolicyObjectKey policy, CancellationToken cancellationToken)
    {
        kubernetes.Store.Write(transaction => transaction.Delete(kubernetes.Policies, policy));
        return Task.CompletedTask;
    }

    public Task StartAgentsAsync(CancellationToken cancellationToken) => nodes.FewAtATimeAsync((node, token) => node.StartAsync(token), cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Identity IdentityOf(LabelSet labels)
    {
        if (!_identities.TryGetValue(labels, out var identity))
            _identities[labels] = identity = new Identity(Identity.MinimumAllocated + (uint)_identities.Count);
        return identity;
    }
}
