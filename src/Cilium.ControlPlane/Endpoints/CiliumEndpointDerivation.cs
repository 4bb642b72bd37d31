using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Endpoints with their identities and policies in, the CiliumEndpoints that should exist for this node out.</summary>
internal sealed class CiliumEndpointDerivation(AgentTables tables, LocalNodeRow self, TimeProvider time) : IAgentLoop
{
    private readonly Dictionary<EndpointId, NamespacedName> _keys = [];

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
            tables.Store.Write(transaction =>
            {
                foreach (var id in touched)
                {
                    var content = ContentOf(id);
                    if (_keys.Remove(id, out var former) && former != content?.Key)
                    {
                        transaction.Delete(tables.CiliumEndpoints, former);
                    }

                    if (content is not null)
                    {
                        _keys[id] = content.Key;
                        transaction.Upsert(tables.CiliumEndpoints, content);
                    }
                }
            });
            tables.CiliumEndpoints.CompleteInitializer(AgentInitializers.Endpoints);
            await wakeup.WaitAsync(null, cancellationToken).ConfigureAwait(false);
        }
    }

    private CiliumEndpointContent? ContentOf(EndpointId id)
    {
        if (!tables.Endpoints.TryGet(id, out var endpoint) || endpoint.PodName.Length == 0
            || !tables.EndpointIdentities.TryGet(id, out var identity)
            || !tables.Datapath.Endpoints.TryGet(id, out var row))
        {
            return null;
        }

        var policy = row.Policy is { } key && tables.Datapath.Policies.TryGet(key, out var found) ? found : null;
        return new CiliumEndpointContent
        {
            Namespace = endpoint.PodNamespace,
            Name = endpoint.PodName,
            PodUid = identity.PodUid,
            Id = id,
            State = "ready",
            Identity = identity.Identity,
            IdentityLabels = identity.Labels,
            IPv4 = endpoint.IPv4,
            IPv6 = endpoint.IPv6,
            NodeIP = self.IPv4.IsNone ? self.IPv6 : self.IPv4,
            ContainerId = endpoint.ContainerId,
            CniAttachmentId = endpoint.AttachmentId,
            NamedPorts = identity.PodPorts.Where(port => port.Name.Length > 0).ToEquatableArray(),
            IsIngressEnforcing = policy?.IngressEnforced ?? false,
            IsEgressEnforcing = policy?.EgressEnforced ?? false,
            ServiceAccount = identity.ServiceAccount,
        };
    }
}
