using System.Text.Json;
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
            IPFamilies = spec.IpFamilies,
            IPFamilyPolicy = spec.IpFamilyPolicy ?? "",
            RequestedLoadBalancerIP = spec.LoadBalancerIP ?? "",
            Conditions = PoolDecoders.Conditions(service.Status?.Conditions),
            ClusterIPs = isHeadless ? [] : spec.ClusterIPs.Count > 0 ? spec.ClusterIPs : Fields.Addresses([spec.ClusterIP]),
            ExternalIPs = spec.ExternalIPs,

            // Behind an address of mode Proxy there is more than the service, TLS for one: traffic to it has to pass the load balancer.
            LoadBalancerIPs = Fields.Addresses(service.Status?.LoadBalancer?.Ingress?.Where(ingress => ingress.IpMode != "Proxy").Select(ingress => ingress.Ip)),
            Ports = spec.Ports,
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

        return new EndpointSliceRow
        {
            Namespace = inNamespace,
            Name = name,
            ServiceName = metadata.Labels?.ServiceName ?? "",
            Ports = slice.Ports,
            Endpoints = slice.Endpoints,
        };
    }
}
