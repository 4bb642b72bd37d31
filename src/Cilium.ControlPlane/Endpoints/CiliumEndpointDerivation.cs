using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Endpoints with their identities and policies in, the CiliumEndpoints that should exist for this node out.</summary>
internal sealed class CiliumEndpointDerivation(AgentTables tables, AgentOptions options, LocalNodeRow self, TimeProvider time) : IAgentLoop
{
    private readonly Dictionary<EndpointId, NamespacedName> _podOf = [];
    private readonly Dictionary<NamespacedName, HashSet<EndpointId>> _endpointsOf = [];

    public string Name => "own-ciliumendpoints";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // The reconciler compares with what the server has, so both must be known before the first comparison.
        await tables.Kubernetes.CiliumEndpoints.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.Datapath.Endpoints.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        using var endpoints = tables.Endpoints.Subscribe();
        using var identities = tables.EndpointIdentities.Subscribe();
        using var datapath = tables.Datapath.Endpoints.Subscribe();
        var wakeup = new Wakeup(time, endpoints.WaitAsync, identities.WaitAsync, datapath.WaitAsync);
        while (true)
        {
            var touched = endpoints.Drain().Select(change => change.Key)
                .Concat(identities.Drain().Select(change => change.Key))
                .Concat(datapath.Drain().Select(change => change.Key))
                .Distinct().ToList();
            var pods = new HashSet<NamespacedName>();
            foreach (var id in touched)
            {
                Follow(id, pods);
            }

            tables.Store.Write(transaction =>
            {
                foreach (var pod in pods)
                {
                    if (ContentOf(pod) is { } content)
                    {
                        transaction.Upsert(tables.CiliumEndpoints, content);
                    }
                    else
                    {
                        transaction.Delete(tables.CiliumEndpoints, pod);
                    }
                }
            });
            tables.CiliumEndpoints.CompleteInitializer(AgentInitializers.Endpoints);
            await wakeup.WaitAsync(null, cancellationToken).ConfigureAwait(false);
        }
    }

    private void Follow(EndpointId id, HashSet<NamespacedName> pods)
    {
        if (_podOf.Remove(id, out var former))
        {
            pods.Add(former);
            if (_endpointsOf[former].Remove(id) && _endpointsOf[former].Count == 0)
            {
                _endpointsOf.Remove(former);
            }
        }

        if (tables.Endpoints.TryGet(id, out var endpoint) && endpoint.PodName.Length > 0)
        {
            pods.Add(endpoint.Pod);
            _podOf[id] = endpoint.Pod;
            if (!_endpointsOf.TryGetValue(endpoint.Pod, out var sharing))
            {
                _endpointsOf[endpoint.Pod] = sharing = [];
            }

            sharing.Add(id);
        }
    }

    // A pod has two endpoints while its sandbox is replaced: ADD of the new one comes before DEL of the old one. The newest speaks for it.
    private CiliumEndpointContent? ContentOf(NamespacedName pod)
    {
        LocalEndpointRow? newest = null;
        foreach (var id in _endpointsOf.GetValueOrDefault(pod) ?? [])
        {
            if (tables.Endpoints.TryGet(id, out var row) && (newest is null || row.CreatedAt > newest.CreatedAt))
            {
                newest = row;
            }
        }

        return newest is null ? null : ContentOf(newest);
    }

    private CiliumEndpointContent? ContentOf(LocalEndpointRow endpoint)
    {
        if (!tables.EndpointIdentities.TryGet(endpoint.Id, out var identity) || !tables.Datapath.Endpoints.TryGet(endpoint.Id, out var row))
        {
            return null;
        }

        var policy = row.Policy is { } key && tables.Datapath.Policies.TryGet(key, out var found) ? found : null;
        return new CiliumEndpointContent
        {
            Namespace = endpoint.PodNamespace,
            Name = endpoint.PodName,
            PodUid = identity.PodUid,
            Id = endpoint.Id,
            State = "ready",
            Identity = identity.Identity,
            IdentityLabels = identity.Labels,
            IPv4 = endpoint.IPv4,
            IPv6 = endpoint.IPv6,
            // Other nodes send the pod's packets there.
            NodeIP = options.Datapath.TunnelsOverIPv6(self.IPv4, self.IPv6) ? self.IPv6 : self.IPv4,
            ContainerId = endpoint.ContainerId,
            CniAttachmentId = endpoint.AttachmentId,
            NamedPorts = identity.PodPorts.Where(port => port.Name.Length > 0).ToEquatableArray(),
            IsIngressEnforcing = policy?.IngressEnforced ?? false,
            IsEgressEnforcing = policy?.EgressEnforced ?? false,
            ServiceAccount = identity.ServiceAccount,
        };
    }
}
