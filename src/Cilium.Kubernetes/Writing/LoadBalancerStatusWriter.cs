using Cilium.Core;
using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;

namespace Cilium.Kubernetes;

/// <summary>Writes the load balancer addresses of services, and conditions of services and of CiliumLoadBalancerIPPools.</summary>
/// <remarks>Thread-safe. Conditions of others stay. Refusals of the server are <see cref="KubernetesException"/>.</remarks>
public sealed class LoadBalancerStatusWriter
{
    private readonly KubernetesObjects _objects;

    /// <summary>Makes a writer over a connection.</summary>
    public LoadBalancerStatusWriter(KubernetesConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _objects = new KubernetesObjects(connection);
    }

    /// <summary>Sets the addresses of a service and one of its conditions.</summary>
    /// <param name="service">The service.</param>
    /// <param name="addresses">All its addresses.</param>
    /// <param name="type">The condition's type.</param>
    /// <param name="condition">The condition; null to remove it.</param>
    /// <param name="cancellationToken">Cancels the requests.</param>
    /// <returns>False when the service is gone.</returns>
    public Task<bool> SetServiceAsync(
        NamespacedName service, IReadOnlyList<IpAddr> addresses, string type, StatusCondition? condition, CancellationToken cancellationToken) => _objects.ChangeAsync(
        Resource.Services,
        service,
        "status",
        WireJson.Default.ServicePatchWire,
        present => new ServicePatchWire
        {
            Metadata = new MetaWire { ResourceVersion = present.Metadata?.ResourceVersion },
            Status = new ServiceStatusWire
            {
                LoadBalancer = new LoadBalancerStatusWire { Ingress = [.. addresses.Select(address => new LoadBalancerIngressWire { Ip = address.ToString() })] },
                Conditions = Merge(present.Status?.Conditions, type, condition),
            },
        },
        cancellationToken);

    /// <summary>Sets conditions of a pool.</summary>
    /// <returns>False when the pool is gone.</returns>
    public Task<bool> SetPoolAsync(string pool, IReadOnlyList<StatusCondition> conditions, CancellationToken cancellationToken) => _objects.ChangeAsync(
        Resource.CiliumLoadBalancerIPPools,
        new NamespacedName("", pool),
        "status",
        WireJson.Default.LoadBalancerIPPoolWire,
        present =>
        {
            var merged = present.Status?.Conditions ?? [];
            foreach (var condition in conditions)
            {
                merged = Merge(merged, condition.Type, condition);
            }

            return new LoadBalancerIPPoolWire
            {
                Metadata = new MetaWire { ResourceVersion = present.Metadata?.ResourceVersion },
                Status = new PolicyStatusBodyWire { Conditions = merged },
            };
        },
        cancellationToken);

    private List<ConditionWire> Merge(List<ConditionWire>? present, string type, StatusCondition? condition)
    {
        var old = present?.Find(other => other.Type == type);
        List<ConditionWire> merged = [.. (present ?? []).Where(other => other.Type != type)];
        if (condition is not null)
        {
            merged.Add(new ConditionWire
            {
                Type = type,
                Status = condition.Status,
                Reason = condition.Reason,
                Message = condition.Message,
                LastTransitionTime = old is not null && old.Status == condition.Status ? old.LastTransitionTime : _objects.Now(),
            });
        }

        return merged;
    }
}
