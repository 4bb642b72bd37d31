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
    /// <param name="nodeName">This node, for the internal traffic policy <c>Local</c>.</param>
    /// <param name="proxyName">Our service proxy name; usually empty.</param>
    public static IReadOnlyList<FrontendRow> Of(ServiceRow service, IEnumerable<EndpointSliceRow> slices, string nodeName, string proxyName)
    {
        if (service.IsHeadless || service.Type == "ExternalName" || service.ClusterIPs.Count == 0
            || service.Labels.ContainsKey(HeadlessLabel)
            || (service.Labels.ValueOrNull(ProxyNameLabel) ?? "") != proxyName)
        {
            return [];
        }

        var all = slices.ToList();
        var frontends = new List<FrontendRow>(service.Ports.Count * service.ClusterIPs.Count);
        foreach (var port in service.Ports)
        {
            var backends = BackendsOf(service, port, all, nodeName);
            foreach (var address in service.ClusterIPs)
            {
                frontends.Add(new FrontendRow
                {
                    Address = new L4Address(address, port.Port, port.Protocol),
                    Kind = FrontendKind.ClusterIP,
                    ServiceNamespace = service.Namespace,
                    ServiceName = service.Name,
                    PortName = port.Name,
                    Backends = backends.Where(backend => backend.Address.Address.IsIPv4 == address.IsIPv4).ToEquatableArray(),
                });
            }
        }

        return frontends;
    }

    private static List<BackendRef> BackendsOf(ServiceRow service, ServicePort port, List<EndpointSliceRow> slices, string nodeName)
    {
        // The same address may be in two slices while one replaces the other; an active entry wins over a terminating one.
        var states = new SortedDictionary<L4Address, BackendState>();
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
                    if (StateOf(service, endpoint, nodeName) is not { } state)
                    {
                        continue;
                    }

                    foreach (var address in endpoint.Addresses)
                    {
                        var key = new L4Address(address, slicePort.Port, slicePort.Protocol);
                        states[key] = states.TryGetValue(key, out var present) && present == BackendState.Active ? present : state;
                    }
                }
            }
        }

        return [.. states.Select(pair => new BackendRef(pair.Key, pair.Value))];
    }

    private static BackendState? StateOf(ServiceRow service, SliceEndpoint endpoint, string nodeName)
    {
        if (service.InternalTrafficIsLocal && endpoint.NodeName != nodeName)
        {
            return null;
        }

        if (endpoint.IsTerminating)
        {
            return endpoint.IsServing ? BackendState.Terminating : null;
        }

        return endpoint.IsReady || service.PublishNotReadyAddresses ? BackendState.Active : null;
    }
}
