using Cilium.Core;
using Cilium.Datapath.LoadBalancing;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Services;

/// <summary>Computes the frontends of one service from its object and its slices. Pure.</summary>
internal static class ServiceFrontends
{
    /// <summary>Label that hands a service to another proxy.</summary>
    public const string ProxyNameLabel = "service.kubernetes.io/service-proxy-name";

    /// <summary>Label of services whose endpoints are addressed directly.</summary>
    public const string HeadlessLabel = "service.kubernetes.io/headless";

    /// <summary>The frontends; none for services that are not ours to balance.</summary>
    /// <param name="service">The service.</param>
    /// <param name="slices">Its slices.</param>
    /// <param name="nodeName">This node, for traffic policies <c>Local</c>.</param>
    /// <param name="proxyName">Our service proxy name; usually empty.</param>
    /// <param name="ownAddresses">This node's addresses, on which node ports are served; null when clients outside the cluster are not served.</param>
    public static IReadOnlyList<FrontendRow> Of(
        ServiceRow service, IEnumerable<EndpointSliceRow> slices, string nodeName, string proxyName, IReadOnlyList<IpAddr>? ownAddresses = null)
    {
        if (service.IsHeadless || service.Type == "ExternalName" || service.ClusterIPs.Count == 0 || !IsOurs(service, proxyName))
        {
            return [];
        }

        var all = slices.ToList();
        var frontends = new List<FrontendRow>(service.Ports.Count * service.ClusterIPs.Count);
        foreach (var port in service.Ports)
        {
            // The internal traffic policy is about cluster addresses only.
            var external = BackendsOf(service, port, all, nodeName);
            var backends = service.InternalTrafficIsLocal ? external.FindAll(backend => backend.IsLocal) : external;
            foreach (var (address, kind) in AddressesOf(service, port, ownAddresses))
            {
                // A load balancer's address may be an external one too; what came first is the stricter.
                if (kind != FrontendKind.ClusterIP && frontends.Exists(row => row.Address == address))
                {
                    continue;
                }

                frontends.Add(new FrontendRow
                {
                    Address = address,
                    Kind = kind,
                    ServiceNamespace = service.Namespace,
                    ServiceName = service.Name,
                    PortName = port.Name,
                    ExternalIsLocal = kind != FrontendKind.ClusterIP && service.ExternalTrafficIsLocal,
                    Affinity = service.SessionAffinity,
                    SourceRanges = kind == FrontendKind.LoadBalancer ? service.SourceRanges : [],
                    Backends = OfFamily(kind == FrontendKind.ClusterIP ? backends : external, address.Address.IsIPv4),
                });
            }
        }

        return frontends;
    }

    /// <summary>Whether a service is left to no other proxy.</summary>
    public static bool IsOurs(ServiceRow service, string proxyName) =>
        !service.Labels.ContainsKey(HeadlessLabel) && (service.Labels.ValueOrNull(ProxyNameLabel) ?? "") == proxyName;

    private static IEnumerable<(L4Address Address, FrontendKind Kind)> AddressesOf(ServiceRow service, ServicePort port, IReadOnlyList<IpAddr>? ownAddresses)
    {
        foreach (var address in service.ClusterIPs)
        {
            yield return (new L4Address(address, port.Port, port.Protocol), FrontendKind.ClusterIP);
        }

        if (ownAddresses is null)
        {
            yield break;
        }

        foreach (var address in ownAddresses.Where(address => port.NodePort != 0 && service.ClusterIPs.Any(own => own.IsIPv4 == address.IsIPv4)))
        {
            yield return (new L4Address(address, port.NodePort, port.Protocol), FrontendKind.NodePort);
        }

        foreach (var address in service.Type == "LoadBalancer" ? service.LoadBalancerIPs : default)
        {
            yield return (new L4Address(address, port.Port, port.Protocol), FrontendKind.LoadBalancer);
        }

        foreach (var address in service.ExternalIPs)
        {
            yield return (new L4Address(address, port.Port, port.Protocol), FrontendKind.ExternalIPs);
        }
    }

    private static List<BackendRef> BackendsOf(ServiceRow service, ServicePort port, List<EndpointSliceRow> slices, string nodeName)
    {
        // The same address may be in two slices while one replaces the other; an active entry wins over a terminating one.
        var found = new List<(BackendRef Backend, int Order)>();
        foreach (var slice in slices)
        {
            foreach (var slicePort in slice.Ports)
            {
                if (slicePort.Name != port.Name || slicePort.Protocol != port.Protocol)
                {
                    continue;
                }

                foreach (var endpoint in slice.Endpoints)
                {
                    if (StateOf(service, endpoint) is not { } state)
                    {
                        continue;
                    }

                    foreach (var address in endpoint.Addresses)
                    {
                        var isLocal = nodeName.Length > 0 && endpoint.NodeName == nodeName;
                        found.Add((new BackendRef(new L4Address(address, slicePort.Port, slicePort.Protocol), state, isLocal), found.Count));
                    }
                }
            }
        }

        found.Sort(static (left, right) =>
            left.Backend.Address.CompareTo(right.Backend.Address) is not 0 and var order ? order : left.Order.CompareTo(right.Order));
        var backends = new List<BackendRef>(found.Count);
        foreach (var (backend, _) in found)
        {
            if (backends.Count == 0 || backends[^1].Address != backend.Address)
            {
                backends.Add(backend);
            }
            else if (backends[^1].State != BackendState.Active)
            {
                backends[^1] = backend;
            }
        }

        return backends;
    }

    private static EquatableArray<BackendRef> OfFamily(List<BackendRef> backends, bool isIPv4)
    {
        var ofFamily = backends.TrueForAll(backend => backend.Address.Address.IsIPv4 == isIPv4)
            ? backends
            : backends.FindAll(backend => backend.Address.Address.IsIPv4 == isIPv4);
        return [.. ofFamily];
    }

    /// <summary>How many ready pods of this node a service has: what its health check tells.</summary>
    public static int LocalEndpoints(ServiceRow service, IEnumerable<EndpointSliceRow> slices, string nodeName)
    {
        var addresses = slices
            .SelectMany(slice => slice.Endpoints)
            .Where(endpoint => endpoint.NodeName == nodeName && StateOf(service, endpoint) == BackendState.Active)
            .SelectMany(endpoint => endpoint.Addresses).ToHashSet();

        // Slices are of one family: a pod with addresses of both is in two of them, and is one.
        var ofIPv4 = addresses.Count(address => address.IsIPv4);
        return Math.Max(ofIPv4, addresses.Count - ofIPv4);
    }

    private static BackendState? StateOf(ServiceRow service, SliceEndpoint endpoint)
    {
        // Kubernetes says of terminating endpoints that they are not ready, except where the service wants those that are not.
        if (endpoint.IsReady)
        {
            return BackendState.Active;
        }

        if (endpoint.IsTerminating)
        {
            return endpoint.IsServing ? BackendState.Terminating : null;
        }

        return service.PublishNotReadyAddresses ? BackendState.Active : null;
    }
}
