using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Nodes;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Serving;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Observation;

/// <summary>The agent's tables in, the names with which Hubble enriches flows out: pods, labels, services, devices, peers.</summary>
internal sealed class HubbleIndexDerivation(
    AgentTables tables, AgentOptions options, PolicyEngine policies, HubbleIndex index, PeerDirectory peers, ulong nodeNamespaceCookie, TimeProvider time)
{
    private const int HubblePort = 4244;
    private static readonly L4Protocol[] s_protocols = [L4Protocol.Tcp, L4Protocol.Udp, L4Protocol.Sctp];

    private long _policyRevision = -1;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var own = tables.Endpoints.Subscribe();
        using var identities = tables.EndpointIdentities.Subscribe();
        using var others = tables.Kubernetes.CiliumEndpoints.Subscribe();
        using var labels = tables.Kubernetes.CiliumIdentities.Subscribe();
        using var addresses = tables.Datapath.IpCache.Subscribe();
        using var frontends = tables.Datapath.Frontends.Subscribe();
        using var nodes = tables.Kubernetes.CiliumNodes.Subscribe();
        using var node = tables.Kubernetes.Nodes.Subscribe();
        using var localNode = tables.LocalNode.Subscribe();
        var wakeup = new Wakeup(
            time, own.WaitAsync, identities.WaitAsync, others.WaitAsync, labels.WaitAsync, addresses.WaitAsync, frontends.WaitAsync, nodes.WaitAsync,
            node.WaitAsync, localNode.WaitAsync, token => policies.WaitPastAsync(_policyRevision, token));
        index.Update(builder =>
        {
            foreach (var known in policies.Identities.All)
            {
                builder.SetLabels(known.Id, known.Labels);
            }
        });
        while (true)
        {
            // Drained before the index is written: a change that comes meanwhile is told next time.
            var (ownChanges, identityChanges, otherChanges) = (own.Drain(), identities.Drain(), others.Drain());
            var (labelChanges, addressChanges, frontendChanges) = (labels.Drain(), addresses.Drain(), frontends.Drain());
            var (nodeChanges, localNodeChanges) = (node.Drain(), localNode.Drain());
            index.Update(builder =>
            {
                SetLabels(builder, labelChanges);
                SetOthers(builder, otherChanges);
                SetOwn(builder, ownChanges, identityChanges);
                SetAddresses(builder, addressChanges);
                SetServices(builder, frontendChanges);
                SetPolicies(builder, ownChanges.Count + identityChanges.Count > 0);
                SetNode(builder, nodeChanges, localNodeChanges);
            });
            SetPeers(nodes.Drain());
            await wakeup.WaitAsync(null, cancellationToken).ConfigureAwait(false);
        }
    }

    private void SetLabels(HubbleSnapshotBuilder builder, IReadOnlyList<TableChange<Identity, CiliumIdentityRow>> changes)
    {
        // Flows in the ring keep the names that were known when they were seen, so nothing is lost with an identity.
        foreach (var change in changes)
        {
            if (change.Current is { } row)
            {
                builder.SetLabels(row.Id, row.Labels);
            }
            else if (!IsOwn(change.Key))
            {
                builder.RemoveLabels(change.Key);
            }
        }
    }

    private void SetOthers(HubbleSnapshotBuilder builder, IReadOnlyList<TableChange<NamespacedName, CiliumEndpointRow>> changes)
    {
        foreach (var change in changes)
        {
            foreach (var address in change.Previous?.Addresses ?? default)
            {
                // The address may have another pod by now, whose name is not ours to take.
                if (builder.Endpoints.TryGetValue(address, out var present)
                    && present.Id == default && present.Namespace == change.Key.Namespace && present.PodName == change.Key.Name)
                {
                    builder.Endpoints.Remove(address);
                }
            }

            foreach (var address in change.Current?.Addresses ?? default)
            {
                if (!IsOwn(address))
                {
                    builder.Endpoints[address] = new HubbleEndpoint
                    {
                        Identity = change.Current!.Identity,
                        Namespace = change.Current.Namespace,
                        PodName = change.Current.Name,
                    };
                }
            }
        }
    }

    private void SetOwn(
        HubbleSnapshotBuilder builder,
        IReadOnlyList<TableChange<EndpointId, LocalEndpointRow>> changes,
        IReadOnlyList<TableChange<EndpointId, EndpointIdentityRow>> identityChanges)
    {
        foreach (var previous in changes.Select(change => change.Previous).OfType<LocalEndpointRow>())
        {
            foreach (var address in previous.Addresses())
            {
                if (builder.Endpoints.TryGetValue(address, out var present) && present.Id == previous.Id)
                {
                    builder.Endpoints.Remove(address);
                }
            }

            builder.Interfaces.Remove(previous.InterfaceIndex);
            builder.Namespaces.Remove(previous.NetnsCookie);
        }

        foreach (var id in changes.Select(change => change.Key).Concat(identityChanges.Select(change => change.Key)).Distinct())
        {
            if (!tables.Endpoints.TryGet(id, out var row))
            {
                continue;
            }

            tables.EndpointIdentities.TryGet(id, out var identity);
            builder.Interfaces[row.InterfaceIndex] = row.InterfaceName;
            if (row.NetnsCookie != 0)
            {
                builder.Namespaces[row.NetnsCookie] = new HubbleNamespace(row.IPv4, row.IPv6);
            }

            if (identity is not null)
            {
                builder.SetLabels(identity.Identity, identity.Labels);
            }

            tables.Kubernetes.Pods.TryGet(row.Pod, out var pod);
            foreach (var address in row.Addresses())
            {
                builder.Endpoints[address] = new HubbleEndpoint
                {
                    Id = id,
                    Identity = identity?.Identity ?? Identity.Init,
                    Namespace = row.PodNamespace,
                    PodName = row.PodName,
                    Workloads = pod is { WorkloadName.Length: > 0 } ? [new HubbleWorkload(pod.WorkloadName, pod.WorkloadKind)] : default,
                };
            }
        }
    }

    private void SetAddresses(HubbleSnapshotBuilder builder, IReadOnlyList<TableChange<Prefix, IpCacheRow>> changes)
    {
        foreach (var change in changes)
        {
            // The identity of a prefix that a rule names is the prefix's alone.
            if (change.Previous is { Identity: { IsLocal: true } before } && before != change.Current?.Identity)
            {
                builder.RemoveLabels(before);
            }

            if (change.Current is not { } row)
            {
                builder.RemoveIdentity(change.Key);
                continue;
            }

            builder.SetIdentity(row.Prefix, row.Identity);
            if (policies.Identities.TryGet(row.Identity, out var known))
            {
                builder.SetLabels(known.Id, known.Labels);
            }
        }
    }

    private void SetServices(HubbleSnapshotBuilder builder, IReadOnlyList<TableChange<L4Address, FrontendRow>> changes)
    {
        foreach (var change in changes)
        {
            var key = (change.Key.Address, change.Key.Port);
            if ((change.Current ?? OtherProtocol(change.Key)) is { } row)
            {
                builder.Services[key] = new HubbleService(row.ServiceNamespace, row.ServiceName);
            }
            else
            {
                builder.Services.Remove(key);
            }
        }
    }

    /// <summary>A frontend with the address and port of one that is gone: names are by address and port, and DNS has both protocols.</summary>
    private FrontendRow? OtherProtocol(L4Address gone)
    {
        foreach (var protocol in s_protocols)
        {
            if (tables.Datapath.Frontends.TryGet(gone with { Protocol = protocol }, out var row))
            {
                return row;
            }
        }

        return null;
    }

    private void SetPolicies(HubbleSnapshotBuilder builder, bool haveEndpointsChanged)
    {
        // Read before what it stands for: a commit that comes meanwhile is told next time.
        var revision = policies.Revision;
        if (revision == _policyRevision && !haveEndpointsChanged)
        {
            return;
        }

        _policyRevision = revision;
        var endpoints = tables.Endpoints.Snapshot();
        foreach (var gone in builder.Policies.Keys.Where(id => !endpoints.TryGet(id, out _)).ToList())
        {
            builder.Policies.Remove(gone);
        }

        foreach (var id in endpoints.Keys)
        {
            var attribution = tables.EndpointIdentities.TryGet(id, out var identity)
                ? policies.Attribute(new PolicySubject(identity.Labels, identity.NamedPorts))
                : null;
            if (attribution is null)
            {
                builder.Policies.Remove(id);
            }
            else if (!builder.Policies.TryGetValue(id, out var present) || ((EndpointPolicies)present).Attribution != attribution)
            {
                builder.Policies[id] = new EndpointPolicies(attribution);
            }
        }
    }

    private void SetNode(
        HubbleSnapshotBuilder builder, IReadOnlyList<TableChange<string, KubeNodeRow>> changes, IReadOnlyList<TableChange<string, LocalNodeRow>> localChanges)
    {
        foreach (var row in changes.Where(change => change.Key == options.NodeName).Select(change => change.Current).OfType<KubeNodeRow>())
        {
            builder.NodeLabels = [.. row.Labels.Select(label => $"{label.Key}={label.Value}").Order(StringComparer.Ordinal)];
        }

        // Callers of translated sockets that are processes of the node.
        foreach (var row in localChanges.Select(change => change.Current).OfType<LocalNodeRow>())
        {
            builder.Namespaces[nodeNamespaceCookie] = new HubbleNamespace(row.IPv4, row.IPv6);
        }
    }

    private void SetPeers(IReadOnlyList<TableChange<string, CiliumNodeRow>> changes)
    {
        foreach (var change in changes)
        {
            var name = options.ClusterName == "default" ? change.Key : $"{options.ClusterName}/{change.Key}";
            var address = change.Current is { } node
                ? node.AddressOf(NodeAddress.InternalIP, ipv4: true) is { IsNone: false } ipv4 ? ipv4 : node.AddressOf(NodeAddress.InternalIP, ipv4: false)
                : IpAddr.None;
            if (address.IsNone)
            {
                peers.Remove(name);
            }
            else
            {
                peers.Set(new HubblePeer(name, address.IsIPv4 ? $"{address}:{HubblePort}" : $"[{address}]:{HubblePort}", TlsNameOf(change.Key)));
            }
        }
    }

    /// <summary>The name in a node's certificate (pkg/hubble/peer): dots would make labels, of which a wildcard stands for one only.</summary>
    private string TlsNameOf(string node) => options.HubbleDisableTls
        ? ""
        : $"{node.Replace('.', '-')}.{options.ClusterName.Replace('.', '-')}.hubble-grpc.cilium.io";

    /// <summary>Whether an endpoint of this node has an identity, though its object is gone: it keeps it until it is given another.</summary>
    private bool IsOwn(Identity identity) => tables.EndpointIdentities.Snapshot().Values.Any(row => row.Identity == identity);

    private bool IsOwn(IpAddr address) => tables.Endpoints.Snapshot().Values.Any(row => row.IPv4 == address || row.IPv6 == address);
}
