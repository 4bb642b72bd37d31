using Cilium.ControlPlane.Addresses;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Endpoints;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Policies;

/// <summary>Policy objects, identities and endpoints in; compiled policies, and endpoints that name them, out.</summary>
/// <remarks>
/// A change of rules or of a subject takes a new policy key; a change of identities alone changes the rows in place, as <see cref="PolicyRow"/> asks.
/// Nothing is written before the first lists of all sources are there: a restarted agent must not loosen what is in force.
/// </remarks>
internal sealed class PolicyDerivation(
    AgentTables tables, EndpointEgress egress, PolicyEngine engine, PolicyObjectRules rules, ApiServerAddresses apiServer, TimeProvider time)
    : IAgentLoop
{
    private readonly Dictionary<EndpointId, PolicySubject> _subjects = [];
    private readonly Dictionary<PolicySubject, HashSet<EndpointId>> _endpointsOf = [];
    private readonly Dictionary<Identity, LabelSet> _ownIdentities = [];

    public string Name => "endpoint-policies";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Kubernetes.Policies.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.Kubernetes.CiliumIdentities.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.Kubernetes.CiliumNodes.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.Kubernetes.EndpointSlices.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        using var endpoints = tables.Endpoints.Subscribe();
        using var identities = tables.EndpointIdentities.Subscribe();
        using var policies = tables.Kubernetes.Policies.Subscribe();
        using var clusterIdentities = tables.Kubernetes.CiliumIdentities.Subscribe();
        using var nodes = tables.Kubernetes.CiliumNodes.Subscribe();
        using var pools = tables.Kubernetes.PodIPPools.Subscribe();
        using var ciliumEndpoints = tables.Kubernetes.CiliumEndpoints.Subscribe();
        using var slices = tables.Kubernetes.EndpointSlices.Subscribe();
        var ports = new PeerPorts(tables, engine);
        var wakeup = new Wakeup(
            time, endpoints.WaitAsync, identities.WaitAsync, policies.WaitAsync, clusterIdentities.WaitAsync, ciliumEndpoints.WaitAsync,
            nodes.WaitAsync, pools.WaitAsync, slices.WaitAsync);
        while (true)
        {
            var touched = new HashSet<EndpointId>();
            foreach (var change in policies.Drain())
            {
                rules.Apply(change, engine);
            }

            foreach (var change in clusterIdentities.Drain())
            {
                FollowIdentity(change);
            }

            foreach (var change in endpoints.Drain())
            {
                touched.Add(change.Key);
            }

            var changedIdentities = identities.Drain();
            foreach (var change in changedIdentities)
            {
                touched.Add(change.Key);
                if (change.Current is { } row && row.Identity.Value >= Identity.MinimumAllocated)
                {
                    _ownIdentities[row.Identity] = row.Labels;
                    engine.UpsertIdentity(row.Identity, row.Labels);
                }
            }

            var changedNodes = nodes.Drain();
            if (egress.MayChangeBy(changedNodes, pools.Drain()))
            {
                touched.UnionWith(tables.Endpoints.Snapshot().Keys);
            }

            apiServer.Follow(slices.Drain(), changedNodes);
            ports.Follow(ciliumEndpoints.Drain(), changedIdentities);
            foreach (var id in touched)
            {
                FollowSubject(id);
            }

            Carry(engine.Commit(), touched);
            CompleteFirstRound();
            await wakeup.WaitAsync(null, cancellationToken).ConfigureAwait(false);
        }
    }

    private void CompleteFirstRound()
    {
        // Restored endpoints are all in the tables before the loops start; with their rows written the datapath may prune.
        tables.Datapath.Endpoints.CompleteInitializer(AgentInitializers.Policies);
        tables.Datapath.Policies.CompleteInitializer(AgentInitializers.Policies);
        tables.RuleAddresses.CompleteInitializer(AgentInitializers.Policies);
        tables.ApiServerAddresses.CompleteInitializer(AgentInitializers.Policies);
    }

    private void FollowIdentity(TableChange<Identity, CiliumIdentityRow> change)
    {
        if (change.Current is { } row)
        {
            engine.UpsertIdentity(row.Id, row.Labels);
        }
        else if (!_ownIdentities.ContainsKey(change.Key) || !IsUsedHere(change.Key))
        {
            _ownIdentities.Remove(change.Key);
            engine.RemoveIdentity(change.Key);
        }
    }

    private bool IsUsedHere(Identity identity) => tables.EndpointIdentities.Snapshot().Values.Any(row => row.Identity == identity);

    private void FollowSubject(EndpointId id)
    {
        var wanted = tables.Endpoints.TryGet(id, out _) && tables.EndpointIdentities.TryGet(id, out var identity)
            ? new PolicySubject(identity.Labels, identity.NamedPorts)
            : null;
        if (_subjects.TryGetValue(id, out var present))
        {
            if (present.Equals(wanted))
            {
                return;
            }

            _subjects.Remove(id);
            engine.RemoveSubject(present);
            if (_endpointsOf[present].Remove(id) && _endpointsOf[present].Count == 0)
            {
                _endpointsOf.Remove(present);
            }
        }

        if (wanted is not null)
        {
            _subjects[id] = wanted;
            engine.AddSubject(wanted);
            if (!_endpointsOf.TryGetValue(wanted, out var sharing))
            {
                _endpointsOf[wanted] = sharing = [];
            }

            sharing.Add(id);
        }
    }

    private void Carry(PolicyUpdate update, HashSet<EndpointId> touched)
    {
        foreach (var subject in update.Assignments.Keys)
        {
            touched.UnionWith(_endpointsOf.GetValueOrDefault(subject) ?? []);
        }

        tables.Store.Write(transaction =>
        {
            foreach (var (prefix, identity) in update.CidrsAdded)
            {
                transaction.Upsert(tables.RuleAddresses, new RuleAddressRow(prefix, identity.Id));
            }

            foreach (var content in update.Contents)
            {
                if (IsEnforced(content.Policy))
                {
                    transaction.Upsert(tables.Datapath.Policies, RowOf(content.Id, content.Policy));
                }
            }

            foreach (var id in touched)
            {
                WriteEndpoint(transaction, id);
            }

            foreach (var content in update.RemovedContents)
            {
                transaction.Delete(tables.Datapath.Policies, new PolicyContentKey(content.Value));
            }

            foreach (var prefix in update.CidrsRemoved.Keys)
            {
                transaction.Delete(tables.RuleAddresses, prefix);
            }

            apiServer.Write(transaction);
        });
    }

    private void WriteEndpoint(WriteTransaction transaction, EndpointId id)
    {
        if (!transaction.TryGet(tables.Endpoints, id, out var endpoint)
            || !transaction.TryGet(tables.EndpointIdentities, id, out var identity)
            || !_subjects.TryGetValue(id, out var subject)
            || !engine.TryGet(subject, out var content, out var policy))
        {
            if (!transaction.TryGet(tables.Endpoints, id, out _))
            {
                transaction.Delete(tables.Datapath.Endpoints, id);
            }

            return;
        }

        transaction.TryGet(tables.Datapath.Endpoints, id, out var present);
        var row = new EndpointRow
        {
            Id = id,
            InterfaceName = endpoint.InterfaceName,
            InterfaceIndex = endpoint.InterfaceIndex,
            PodMac = endpoint.PodMac,
            HostMac = endpoint.HostMac,
            IPv4 = endpoint.IPv4,
            IPv6 = endpoint.IPv6,
            Identity = identity.Identity,
            Policy = IsEnforced(policy) ? new PolicyContentKey(content.Value) : null,
        };
        transaction.Upsert(tables.Datapath.Endpoints, egress.Complete(row, present));
    }

    private static bool IsEnforced(CompiledPolicy policy) => policy.IngressEnforced || policy.EgressEnforced;

    private static PolicyRow RowOf(PolicyContentId id, CompiledPolicy policy) => new()
    {
        Key = new PolicyContentKey(id.Value),
        IngressEnforced = policy.IngressEnforced,
        EgressEnforced = policy.EgressEnforced,
        Entries = policy.Entries,
    };
}
