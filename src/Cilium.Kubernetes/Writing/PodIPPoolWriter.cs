using Cilium.Ipam;
using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;

namespace Cilium.Kubernetes;

/// <summary>Creates CiliumPodIPPools.</summary>
/// <remarks>Thread-safe. Refusals of the server are <see cref="KubernetesException"/>.</remarks>
public sealed class PodIPPoolWriter
{
    private readonly KubernetesObjects _objects;

    /// <summary>Makes a writer over a connection.</summary>
    public PodIPPoolWriter(KubernetesConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _objects = new KubernetesObjects(connection);
    }

    /// <summary>Creates a pool; one that exists is left alone.</summary>
    /// <returns>True when it was created.</returns>
    public async Task<bool> EnsureAsync(PoolDefinition pool, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(pool);
        var value = new PodIPPoolWire
        {
            ApiVersion = Resource.CiliumPodIPPools.ApiVersion,
            Kind = Resource.CiliumPodIPPools.Kind,
            Metadata = new MetaWire { Name = pool.Name },
            Spec = new PodIPPoolSpecWire { Ipv4 = FamilyOf(pool.IPv4), Ipv6 = FamilyOf(pool.IPv6) },
        };
        try
        {
            await _objects.CreateAsync(Resource.CiliumPodIPPools, "", value, WireJson.Default.PodIPPoolWire, cancellationToken);
            return true;
        }
        catch (KubernetesException exception) when (exception.IsAlreadyExists)
        {
            return false;
        }
    }

    internal static PodIPPoolFamilyWire? FamilyOf(PoolFamily? family) => family is null ? null : new PodIPPoolFamilyWire
    {
        Cidrs = [.. family.Cidrs.Select(cidr => cidr.ToString())],
        MaskSize = family.MaskSize,
    };
}
