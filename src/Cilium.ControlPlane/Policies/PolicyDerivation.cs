using Cilium.ControlPlane.Addresses;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Endpoints;
using Cilium.Datapath.IpCache;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Policies;

/// <summary>Policy objects, identities and endpoints in; compiled policies, and endpoints that name them, out.</summary>
/// <remarks>
/// A change of rules or of a subject takes a new policy key; a change of identities alone changes the rows in place, as <see cref="PolicyRow"/> asks.
/// Nothing is written before the first lists of all sources are there: a restarted agent must not loosen what is in force. Where addresses change
/// with policies, each step waits for the datapath, in the order of <see cref="PolicyUpdate"/>.
/// </remarks>
internal sealed class PolicyDerivation(
    AgentTables tables,
    IDatapath datapath,
    AddressBook book,
    EndpointEgress egress,
    PolicyEngine engine,
    PolicyObjectRules rules,
    ApiServerAddresses apiServer,
    TimeProvider time)
    : IAgentLoop
{
    private readonly Dictionary<EndpointId, PolicySubject> _subjects = [];
    private readonly Dictionary<PolicySubject, HashSet<EndpointId>> _endpointsOf = [];

    // Numbers that an endpoint had until this round.
    private readonly HashSet<Identity> _leaving = [];

    // As the engine was told: what the table holds meanwhile, no policy may know yet.
    private readonly Dictionary<EndpointId, EndpointIdentityRow> _identities = [];

    public string Name => "endpoint-policies";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Kubernetes.Policies.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.Kubernetes.CiliumIdentities.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.Kubernetes.CiliumEndpoints.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
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
                FollowEndpointIdentity(change);
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

            await CarryAsync(touched, cancellationToken).ConfigureAwait(false);
            await CompleteFirstRoundAsync(cancellationToken).ConfigureAwait(false);
            await wakeup.WaitAsync(null, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task CompleteFirstRoundAsync(CancellationToken cancellationToken)
    {
        if (tables.Datapath.Endpoints.IsInitialized)
        {
            return;
        }

        // Restored endpoints are all in the tables before the loops start; with their rows written the datapath may prune. Addresses of rules
        // that are no more, when endpoints have left the policies that name them.
        tables.Datapath.Endpoints.CompleteInitializer(AgentInitializers.Policies);
        tables.Datapath.Policies.CompleteInitializer(AgentInitializers.Policies);
        await datapath.WaitUntilAttemptedAsync(tables.Datapath.Endpoints, tables.Store.Revision, cancellationToken).ConfigureAwait(false);
        tables.Datapath.IpCache.CompleteInitializer(AgentInitializers.Policies);
    }

    private void FollowIdentity(TableChange<Identity, CiliumIdentityRow> change)
    {
        if (change.Current is { } current)
        {
            engine.UpsertIdentity(current.Id, current.Labels);
        }
        else if (_identities.Values.FirstOrDefault(row => row.Identity == change.Key) is { } own)
        {
            engine.UpsertIdentity(change.Key, own.Labels);
        }
        else
        {
            engine.RemoveIdentity(change.Key);
        }
    }

    // What an endpoint says of its number counts until the cluster says what it is, and as long as an endpoint has it.
    private void FollowEndpointIdentity(TableChange<EndpointId, EndpointIdentityRow> change)
    {
        if (_identities.Remove(change.Key, out var before) && before.Identity.Value >= Identity.MinimumAllocated && before.Identity != change.Current?.Identity)
        {
            _leaving.Add(before.Identity);
        }

        if (change.Current is not { } row)
        {
            return;
        }

        _identities[change.Key] = row;
        if (row.Identity.Value >= Identity.MinimumAllocated)
        {
            engine.UpsertIdentity(row.Identity, tables.Kubernetes.CiliumIdentities.TryGet(row.Identity, out var known) ? known.Labels : row.Labels);
        }
    }

    /// <summary>Tells the engine which numbers nobody has any more, a commit after the endpoints that had them; true when there were any.</summary>
    private bool ForgetIdentities()
    {
        var hasForgotten = false;
        foreach (var identity in _leaving)
        {
            if (!tables.Kubernetes.CiliumIdentities.TryGet(identity, out _) && _identities.Values.All(row => row.Identity != identity))
            {
                engine.RemoveIdentity(identity);
                hasForgotten = true;
            }
        }

        _leaving.Clear();
        return hasForgotten;
    }

    private void FollowSubject(EndpointId id)
    {
        var wanted = tables.Endpoints.TryGet(id, out _) && _identities.TryGetValue(id, out var identity)
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

    private async Task CarryAsync(HashSet<EndpointId> touched, CancellationToken cancellationToken)
    {
        PolicyUpdate update;
        do
        {
            update = engine.Commit();
            await CarryAsync(update, touched, cancellationToken).ConfigureAwait(false);
            touched.Clear();
        }
        while (apiServer.Forget() | ForgetIdentities() | update.CidrsRemoved.Count > 0);
    }

    private async Task CarryAsync(PolicyUpdate update, HashSet<EndpointId> touched, CancellationToken cancellationToken)
    {
        foreach (var subject in update.Assignments.Keys)
        {
            touched.UnionWith(_endpointsOf.GetValueOrDefault(subject) ?? []);
        }

        // 1. Policies know identities before packets have them.
        var revision = tables.Store.Write(transaction =>
        {
            foreach (var content in update.Contents)
            {
                if (IsEnforced(content.Policy))
                {
                    transaction.Upsert(tables.Datapath.Policies, RowOf(content.Id, content.Policy));
                }
            }
        });
        var hasAdded = update.CidrsAdded.Count > 0 || apiServer.HasAdded;
        if (hasAdded || touched.Any(BecomesAnother))
        {
            await datapath.WaitUntilAttemptedAsync(tables.Datapath.Policies, revision, cancellationToken).ConfigureAwait(false);
        }

        if (hasAdded)
        {
            revision = tables.Store.Write(transaction =>
            {
                book.Change(transaction, claims => Claim(claims, update.CidrsAdded));
                apiServer.Write(transaction);
            });
            await datapath.WaitUntilAttemptedAsync(tables.Datapath.IpCache, revision, cancellationToken).ConfigureAwait(false);
        }

        // 2. Endpoints get their policies.
        revision = tables.Store.Write(transaction =>
        {
            foreach (var id in touched)
            {
                WriteEndpoint(transaction, id);
            }
        });

        // 3. No policy in force names what goes.
        if (update.CidrsRemoved.Count > 0 || apiServer.HasGone)
        {
            await datapath.WaitUntilAttemptedAsync(tables.Datapath.Endpoints, revision, cancellationToken).ConfigureAwait(false);
            revision = tables.Store.Write(transaction =>
            {
                book.Change(transaction, claims => Withdraw(claims, update.CidrsRemoved.Keys));
                apiServer.Withdraw(transaction);
            });
            await datapath.WaitUntilAttemptedAsync(tables.Datapath.IpCache, revision, cancellationToken).ConfigureAwait(false);
        }

        tables.Store.Write(transaction =>
        {
            foreach (var content in update.RemovedContents)
            {
                transaction.Delete(tables.Datapath.Policies, new PolicyContentKey(content.Value));
            }
        });
    }

    /// <summary>Whether an endpoint is to send packets with another identity than before, or its first.</summary>
    private bool BecomesAnother(EndpointId id) =>
        _identities.TryGetValue(id, out var identity)
        && !(tables.Datapath.Endpoints.TryGet(id, out var present) && present.Identity == identity.Identity);

    private static void Claim(AddressClaims claims, IReadOnlyDictionary<Prefix, KnownIdentity> cidrs)
    {
        foreach (var (prefix, identity) in cidrs)
        {
            claims.Set(AddressSource.Rule, prefix.ToString(), new IpCacheRow { Prefix = prefix, Identity = identity.Id });
        }
    }

    private static void Withdraw(AddressClaims claims, IEnumerable<Prefix> cidrs)
    {
        foreach (var prefix in cidrs)
        {
            claims.Set(AddressSource.Rule, prefix.ToString());
        }
    }

    private void WriteEndpoint(WriteTransaction transaction, EndpointId id)
    {
        if (!transaction.TryGet(tables.Endpoints, id, out var endpoint)
            || !_identities.TryGetValue(id, out var identity)
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
            NetnsPath = endpoint.NetnsPath,
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
