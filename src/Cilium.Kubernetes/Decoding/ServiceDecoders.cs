using System.Text.Json;
using Cilium.Core;
using Cilium.Kubernetes.Wire;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Decodes services and their endpoint slices.</summary>
internal static class ServiceDecoders
{
    private const int DefaultAffinitySeconds = 10800;

    public static ServiceRow? Service(ReadOnlySpan<byte> json)
    {
        var service = JsonSerializer.Deserialize(json, WireJson.Default.ServiceWire);
        if (service?.Metadata is not { Name: { } name, Namespace: { } inNamespace } metadata)
        {
            return null;
        }

        var spec = service.Spec ?? new ServiceSpecWire();
        var isHeadless = string.Equals(spec.ClusterIP, "None", StringComparison.OrdinalIgnoreCase);
        return new ServiceRow
        {
            Namespace = inNamespace,
            Name = name,
            Uid = metadata.Uid ?? "",
            Type = spec.Type ?? "ClusterIP",
            IsHeadless = isHeadless,
            CreatedAt = PoolDecoders.Time(metadata.CreationTimestamp),
            IPFamilies = (spec.IpFamilies ?? []).ToEquatableArray(),
            IPFamilyPolicy = spec.IpFamilyPolicy ?? "",
            RequestedLoadBalancerIP = spec.LoadBalancerIP ?? "",
            Conditions = PoolDecoders.Conditions(service.Status?.Conditions),
            ClusterIPs = isHeadless ? [] : Fields.Addresses(spec.ClusterIPs is { Count: > 0 } ips ? ips : [spec.ClusterIP ?? ""]),
            ExternalIPs = Fields.Addresses(spec.ExternalIPs),
            LoadBalancerIPs = Fields.Addresses(service.Status?.LoadBalancer?.Ingress?.Select(ingress => ingress.Ip)),
            Ports = Ports(spec),
            Selector = StringMap.Create(spec.Selector),
            Labels = Fields.Labels(metadata),
            Annotations = Fields.Annotations(metadata),
            SessionAffinity = spec.SessionAffinity == "ClientIP"
                ? TimeSpan.FromSeconds(spec.SessionAffinityConfig?.ClientIP?.TimeoutSeconds ?? DefaultAffinitySeconds)
                : TimeSpan.Zero,
            ExternalTrafficIsLocal = spec.ExternalTrafficPolicy == "Local",
            InternalTrafficIsLocal = spec.InternalTrafficPolicy == "Local",
            PublishNotReadyAddresses = spec.PublishNotReadyAddresses ?? false,
            LoadBalancerClass = spec.LoadBalancerClass ?? "",
            SourceRanges = Fields.Prefixes(spec.LoadBalancerSourceRanges?.Select(text => text.Trim())),
            HealthCheckNodePort = Fields.TryPort(spec.HealthCheckNodePort, out var healthPort) ? healthPort : (ushort)0,
            TrafficDistribution = spec.TrafficDistribution ?? "",
        };
    }

    public static EndpointSliceRow? EndpointSlice(ReadOnlySpan<byte> json)
    {
        var slice = JsonSerializer.Deserialize(json, WireJson.Default.EndpointSliceWire);
        if (slice?.Metadata is not { Name: { } name, Namespace: { } inNamespace } metadata)
        {
            return null;
        }

        var ports = new List<EndpointPort>();
        foreach (var port in slice.Ports ?? [])
        {
            if (Fields.TryPort(port.Port, out var number))
            {
                ports.Add(new EndpointPort(port.Name ?? "", Fields.Protocol(port.Protocol), number));
            }
        }

        return new EndpointSliceRow
        {
            Namespace = inNamespace,
            Name = name,
            ServiceName = metadata.Labels is not null && metadata.Labels.TryGetValue("kubernetes.io/service-name", out var service) ? service : "",
            Ports = ports.ToEquatableArray(),
            Endpoints = (slice.Endpoints ?? []).Select(Endpoint).ToEquatableArray(),
        };
    }

    private static EquatableArray<ServicePort> Ports(ServiceSpecWire spec)
    {
        var ports = new List<ServicePort>();
        foreach (var port in spec.Ports ?? [])
        {
            if (Fields.TryPort(port.Port, out var number))
            {
                var target = port.TargetPort is { ValueKind: JsonValueKind.Number or JsonValueKind.String } value ? value.ToString() : "";
                Fields.TryPort(port.NodePort, out var nodePort);
                ports.Add(new ServicePort(
                    port.Name ?? "",
                    Fields.Protocol(port.Protocol),
                    number,
                    target is "" or "0" ? number.ToString(System.Globalization.CultureInfo.InvariantCulture) : target,
                    nodePort));
            }
        }

        return ports.ToEquatableArray();
    }

    private static SliceEndpoint Endpoint(SliceEndpointWire endpoint)
    {
        var ready = endpoint.Conditions?.Ready ?? true;
        return new SliceEndpoint
        {
            Addresses = Fields.Addresses(endpoint.Addresses),
            IsReady = ready,
            IsServing = endpoint.Conditions?.Serving ?? ready,
            IsTerminating = endpoint.Conditions?.Terminating ?? false,
            NodeName = endpoint.NodeName ?? "",
            Zone = endpoint.Zone ?? "",
            PodName = endpoint.TargetRef is { Kind: "Pod", Name: { } pod } ? pod : "",
            HintZones = (endpoint.Hints?.ForZones ?? []).Where(hint => hint.Name is not null).Select(hint => hint.Name!).ToEquatableArray(),
        };
    }
}
