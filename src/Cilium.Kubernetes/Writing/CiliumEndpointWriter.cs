using Cilium.Core;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;

namespace Cilium.Kubernetes;

/// <summary>Writes CiliumEndpoints of this node's endpoints.</summary>
/// <remarks>Thread-safe. Refusals of the server are <see cref="KubernetesException"/>.</remarks>
public sealed class CiliumEndpointWriter
{
    private readonly KubernetesObjects _objects;

    /// <summary>Makes a writer over a connection.</summary>
    public CiliumEndpointWriter(KubernetesConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _objects = new KubernetesObjects(connection);
    }

    /// <summary>Creates the CiliumEndpoint.</summary>
    /// <returns>False when there is one of its name.</returns>
    public async Task<bool> CreateAsync(CiliumEndpointContent content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        try
        {
            await _objects.CreateAsync(Resource.CiliumEndpoints, content.Namespace, Wire(content, ""), WireJson.Default.CiliumEndpointWire, cancellationToken);
            return true;
        }
        catch (KubernetesException exception) when (exception.IsAlreadyExists)
        {
            return false;
        }
    }

    /// <summary>Changes the CiliumEndpoint.</summary>
    /// <param name="content">What to tell.</param>
    /// <param name="uid">The object as it was seen: the server refuses to change another one of its name.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <returns>False when it was gone.</returns>
    public async Task<bool> ChangeAsync(CiliumEndpointContent content, string uid, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(uid);
        return await _objects.PatchAsync(
            Resource.CiliumEndpoints, content.Key, "", KubernetesObjects.MergePatch, Wire(content, uid), WireJson.Default.CiliumEndpointWire, cancellationToken) is not null;
    }

    /// <summary>Reads the CiliumEndpoint of a pod; null when there is none.</summary>
    public async Task<CiliumEndpointRow?> ReadAsync(NamespacedName key, CancellationToken cancellationToken) =>
        CiliumDecoders.Row(await _objects.GetAsync(Resource.CiliumEndpoints, key, WireJson.Default.CiliumEndpointWire, cancellationToken));

    /// <summary>Deletes the CiliumEndpoint of a pod.</summary>
    /// <param name="key">The pod.</param>
    /// <param name="uid">Only the object with this uid is deleted, so that a successor of the same name survives; empty for any.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <returns>False when it was gone.</returns>
    public Task<bool> DeleteAsync(NamespacedName key, string uid, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(uid);
        return _objects.DeleteAsync(Resource.CiliumEndpoints, key, uid.Length == 0 ? null : uid, null, cancellationToken);
    }

    /// <summary>Deletes a CiliumEndpoint whose pod is gone, replaced or finished, as the server itself says.</summary>
    /// <returns>True when it was deleted.</returns>
    public async Task<bool> DeleteOrphanAsync(CiliumEndpointRow endpoint, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        var pod = await _objects.GetAsync(Resource.Pods, endpoint.Key, WireJson.Default.PodWire, cancellationToken);
        var isAlive = pod is not null
            && pod.Status?.Phase is not ("Succeeded" or "Failed")
            && (endpoint.PodUid.Length == 0 || pod.Metadata?.Uid == endpoint.PodUid);
        return !isAlive && await DeleteAsync(endpoint.Key, endpoint.Uid, cancellationToken);
    }

    private static CiliumEndpointWire Wire(CiliumEndpointContent content, string uid) => new()
    {
        ApiVersion = Resource.CiliumEndpoints.ApiVersion,
        Kind = Resource.CiliumEndpoints.Kind,
        Metadata = new MetaWire
        {
            Name = content.Name,
            Namespace = content.Namespace,
            Uid = uid.Length == 0 ? null : uid,
            OwnerReferences = content.PodUid.Length == 0
                ? null
                : [new OwnerWire { ApiVersion = "v1", Kind = "Pod", Name = content.Name, Uid = content.PodUid }],
        },
        Status = new CiliumEndpointStatusWire
        {
            Id = content.Id.Value,
            State = content.State,
            Identity = content.Identity == Identity.Unknown
                ? null
                : new EndpointIdentityWire { Id = content.Identity.Value, Labels = [.. content.IdentityLabels.Select(label => label.ToString())] },
            Networking = new EndpointNetworkingWire
            {
                Addressing = [new IpPairWire { Ipv4 = TextOf(content.IPv4), Ipv6 = TextOf(content.IPv6) }],
                Node = TextOf(content.NodeIP),
            },
            Encryption = new EncryptionWire { Key = 0 },
            ExternalIdentifiers = new ExternalIdentifiersWire
            {
                ContainerId = content.ContainerId.Length == 0 ? null : content.ContainerId,
                CniAttachmentId = content.CniAttachmentId.Length == 0 ? null : content.CniAttachmentId,
                K8sNamespace = content.Namespace,
                K8sPodName = content.Name,
                PodName = content.Key.ToString(),
            },
            NamedPorts =
            [
                .. content.NamedPorts.Where(port => port.Name.Length > 0).Select(port => new NamedPortWire
                {
                    Name = port.Name,
                    Port = port.Port,
                    Protocol = Fields.ProtocolText(port.Protocol),
                }),
            ],
            Policy = new EndpointPolicyWire { Ingress = Direction(content.IsIngressEnforcing), Egress = Direction(content.IsEgressEnforcing) },
            ServiceAccount = content.ServiceAccount.Length == 0 ? null : content.ServiceAccount,
        },
    };

    private static string? TextOf(IpAddr address) => address.IsNone ? null : address.ToString();

    private static PolicyDirectionWire Direction(bool isEnforcing) =>
        new() { Enforcing = isEnforcing, State = isEnforcing ? "enforcing" : "disabled" };
}
