using System.Text.Json;
using System.Text.Json.Nodes;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;

namespace Cilium.Kubernetes;

/// <summary>Carries out repairs of addresses and changes of pools.</summary>
/// <remarks>Thread-safe. Each looks again at what it is about to change and leaves what is no longer as it was. Refusals of the server are
/// <see cref="KubernetesException"/>.</remarks>
public sealed class ClusterAddressWriter
{
    private readonly KubernetesConnection _connection;
    private readonly KubernetesObjects _objects;
    private readonly string _namespace;

    /// <summary>Makes a writer.</summary>
    /// <param name="connection">The API server.</param>
    /// <param name="inNamespace">The namespace of Cilium.</param>
    public ClusterAddressWriter(KubernetesConnection connection, string inNamespace)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentException.ThrowIfNullOrEmpty(inNamespace);
        _connection = connection;
        _objects = new KubernetesObjects(connection);
        _namespace = inNamespace;
    }

    /// <summary>Makes the repair that a finding proposes.</summary>
    /// <returns>False when nothing was changed: there is no repair, or the object is not as it was.</returns>
    public async Task<bool> RepairAsync(ClusterAddresses seen, AddressFinding finding, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(seen);
        ArgumentNullException.ThrowIfNull(finding);
        switch (finding.Repair)
        {
            case AddressRepair.DeleteEndpoint:
                var slash = finding.Holder.IndexOf('/', StringComparison.Ordinal);
                var name = new NamespacedName(finding.Holder[..slash], finding.Holder[(slash + 1)..]);
                return await _objects.GetAsync(Resource.CiliumEndpoints, name, WireJson.Default.CiliumEndpointWire, cancellationToken) is { Metadata.Uid: { } uid }
                    && await new CiliumEndpointWriter(_connection).DeleteOrphanAsync(new CiliumEndpointRow { Namespace = name.Namespace, Name = name.Name, Uid = uid }, cancellationToken);
            case AddressRepair.RemoveCidr:
                return seen.Nodes.FirstOrDefault(node => node.Name == finding.Holder) is { } holder && await RemoveCidrAsync(holder, finding.Cidr, cancellationToken);
            case AddressRepair.DeleteNode:
                return await _objects.GetAsync(Resource.Nodes, new NamespacedName("", finding.Holder), WireJson.Default.NodeWire, cancellationToken) is null
                    && seen.Nodes.FirstOrDefault(node => node.Name == finding.Holder) is { } orphan
                    && await _objects.DeleteAsync(Resource.CiliumNodes, new NamespacedName("", finding.Holder), null, orphan.Version, cancellationToken);
            default:
                return false;
        }
    }

    /// <summary>Writes a pool as a plan has it. In mode <c>cluster-pool</c> the operator and the agents must be started anew to see it.</summary>
    /// <exception cref="InvalidOperationException">The plan is refused or the pool is not there.</exception>
    public async Task ApplyAsync(ClusterAddresses seen, PoolPlan plan, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(seen);
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.Problems.Count > 0 || plan.After is not { } after)
        {
            throw new InvalidOperationException($"pool {plan.Pool}: {string.Join("; ", plan.Problems)}");
        }

        if (seen.Mode == "cluster-pool")
        {
            var data = new JsonObject();
            foreach (var (isIPv4, family) in new[] { (true, after.IPv4), (false, after.IPv6) })
            {
                if (family is not null)
                {
                    data[ClusterPoolKeys.Cidrs(isIPv4)] = string.Join(' ', family.Cidrs);
                    data[ClusterPoolKeys.Drained(isIPv4)] = string.Join(' ', plan.Drained.Where(cidr => cidr.IsIPv4 == isIPv4));
                }
            }

            await _connection.SendJsonAsync(
                HttpMethod.Patch, ClusterAddressReader.ConfigPath(_namespace), new JsonObject { ["data"] = data }.ToJsonString(), cancellationToken);
            return;
        }

        var before = seen.Pools.First(pool => pool.Name == plan.Pool);
        var isThere = await _objects.ChangeAsync(
            Resource.CiliumPodIPPools, new NamespacedName("", plan.Pool), "", WireJson.Default.PodIPPoolWire,
            present => PoolDecoders.PodIPPool(JsonSerializer.SerializeToUtf8Bytes(present, WireJson.Default.PodIPPoolWire)) is { } row && row.Definition == before
                ? new PodIPPoolWire
                {
                    Metadata = new MetaWire { ResourceVersion = present.Metadata?.ResourceVersion },
                    Spec = new PodIPPoolSpecWire { Ipv4 = PodIPPoolWriter.FamilyOf(after.IPv4), Ipv6 = PodIPPoolWriter.FamilyOf(after.IPv6) },
                }
                : throw new InvalidOperationException($"pool {plan.Pool} was changed by somebody else meanwhile: plan again"),
            cancellationToken);
        if (!isThere)
        {
            throw new InvalidOperationException($"pool {plan.Pool} is gone");
        }
    }

    /// <summary>Starts operator and agents anew by deleting their pods; traffic goes on meanwhile.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken)
    {
        foreach (var label in new[] { "io.cilium%2Fapp%3Doperator", "k8s-app%3Dcilium" })
        {
            await _connection.SendJsonAsync(
                HttpMethod.Delete, $"api/v1/namespaces/{Uri.EscapeDataString(_namespace)}/pods?labelSelector={label}", null, cancellationToken);
        }
    }

    private async Task<bool> RemoveCidrAsync(NodeAddressing node, Prefix cidr, CancellationToken cancellationToken)
    {
        // Over the version that the check has seen: what came in between is for the next check.
        var present = await _objects.GetAsync(Resource.CiliumNodes, new NamespacedName("", node.Name), WireJson.Default.CiliumNodeWire, cancellationToken);
        if (present is null || CiliumNodeDecoder.Node(JsonSerializer.SerializeToUtf8Bytes(present, WireJson.Default.CiliumNodeWire)) is not { } row || row.ResourceVersion != node.Version)
        {
            return false;
        }

        var writer = new CiliumNodeWriter(_connection);
        return row.PodCidrs.Contains(cidr)
            ? await writer.SetPodCidrsAsync(row, row.PodCidrs.Where(other => other != cidr), cancellationToken)
            : await writer.SetPoolsAsync(
                row, null,
                [.. row.AllocatedPools.Select(pool => pool with { Cidrs = pool.Cidrs.Where(other => other != cidr).ToEquatableArray() }).Where(pool => pool.Cidrs.Count > 0)],
                cancellationToken);
    }
}
