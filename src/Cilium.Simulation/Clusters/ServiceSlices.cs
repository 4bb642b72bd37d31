using System.Globalization;
using Cilium.Core;
using Cilium.Kubernetes;

namespace Cilium.Simulation.Clusters;

/// <summary>Makes the endpoint slices of a service from its pods, as the controller of Kubernetes does: one for each set of port numbers.</summary>
internal static class ServiceSlices
{
    internal static IEnumerable<EndpointSliceRow> Of(ServiceRow service, IReadOnlyList<PodRow> pods)
    {
        var selected = pods.Where(pod => Selects(service, pod)).ToList();
        var number = 0;
        foreach (var isIPv4 in new[] { true, false })
        {
            foreach (var group in selected.GroupBy(pod => service.Ports.Select(port => PortOf(port, pod)).Where(port => port.Port != 0).ToEquatableArray()))
            {
                var endpoints = group.Select(pod => EndpointOf(pod, isIPv4)).Where(endpoint => endpoint.Addresses.Count > 0).ToEquatableArray();
                if (endpoints.Count == 0)
                    continue;
                yield return new EndpointSliceRow
                {
                    Namespace = service.Namespace,
                    Name = $"{service.Name}-{number++}",
                    ServiceName = service.Name,
                    Ports = group.Key,
                    Endpoints = endpoints,
                };
            }
        }
    }

    /// <summary>Whether a pod is behind a service.</summary>
    internal static bool Selects(ServiceRow service, PodRow pod) =>
        service.Selector.Count > 0 && pod.Namespace == service.Namespace && !pod.IsFinished
        && service.Selector.All(pair => pod.Labels.TryGetValue(pair.Key, out var value) && value == pair.Value);

    private static SliceEndpoint EndpointOf(PodRow pod, bool isIPv4) => new()
    {
        Addresses = pod.PodIPs.Where(address => address.IsIPv4 == isIPv4).Take(1).ToEquatableArray(),
        NodeName = pod.NodeName,
        PodName = pod.Name,
    };

    // A name that the pod does not have gives no port.
    private static EndpointPort PortOf(ServicePort port, PodRow pod)
    {
        if (ushort.TryParse(port.TargetPort, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return new EndpointPort(port.Name, port.Protocol, number);
        var named = pod.Ports.FirstOrDefault(candidate => candidate.Name == port.TargetPort && candidate.Protocol == port.Protocol);
        return new EndpointPort(port.Name, port.Protocol, named.Port);
    }
}
