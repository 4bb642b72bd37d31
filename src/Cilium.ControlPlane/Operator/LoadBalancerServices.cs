using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Operator;

/// <summary>Reads from services what they want of load balancer pools.</summary>
internal static class LoadBalancerServices
{
    /// <summary>The condition that tells whether a service has what it wants.</summary>
    public const string ConditionType = "cilium.io/IPAMRequestSatisfied";

    private const string BgpClass = "io.cilium/bgp-control-plane";
    private const string L2Class = "io.cilium/l2-announcer";

    /// <summary>True for services of type LoadBalancer whose class is ours.</summary>
    public static bool IsOurs(ServiceRow service, OperatorOptions options) => service.Type == "LoadBalancer" && service.LoadBalancerClass switch
    {
        "" => !options.RequireLoadBalancerClass,
        BgpClass => options.EnableBgp,
        L2Class => options.EnableL2Announcements,
        _ => false,
    };

    /// <summary>Our condition on a service, or null.</summary>
    public static StatusCondition? ConditionOf(ServiceRow service) => service.Conditions.FirstOrDefault(condition => condition.Type == ConditionType);

    /// <summary>What a service wants and has.</summary>
    public static LoadBalancerRequest RequestOf(ServiceRow service, OperatorOptions options)
    {
        var labels = new Dictionary<string, string>(service.Labels)
        {
            ["io.kubernetes.service.namespace"] = service.Namespace,
            ["io.kubernetes.service.name"] = service.Name,
        };
        var families = service.IPFamilies.Count > 0 ? service.IPFamilies : [options.EnableIPv4 ? "IPv4" : "IPv6"];
        var requested = Texts(service, "lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips").ToList();
        if (requested.Count == 0 && service.RequestedLoadBalancerIP.Length > 0)
        {
            requested.Add(service.RequestedLoadBalancerIP);
        }

        return new LoadBalancerRequest
        {
            Namespace = service.Namespace,
            Name = service.Name,
            CreatedAt = service.CreatedAt,
            Labels = labels,
            WantsIPv4 = options.EnableIPv4 && families.Contains("IPv4"),
            WantsIPv6 = options.EnableIPv6 && families.Contains("IPv6"),
            IsPartialFine = service.IPFamilyPolicy == "PreferDualStack",
            Requested = requested.Select(text => IpAddr.TryParse(text, out var address) ? address : IpAddr.None).Where(address => !address.IsNone).ToEquatableArray(),
            Current = service.LoadBalancerIPs,
            Ports = service.Ports.Select(port => (port.Protocol, port.Port)).ToEquatableArray(),
            SharingKey = Texts(service, "lbipam.cilium.io/sharing-key", "io.cilium/lb-ipam-sharing-key").FirstOrDefault() ?? "",
            SharingNamespaces = Texts(service, "lbipam.cilium.io/sharing-cross-namespace", "io.cilium/lb-ipam-sharing-cross-namespace").ToEquatableArray(),
            IsExternalTrafficLocal = service.ExternalTrafficIsLocal,
            Backends = string.Join(",", service.Selector.Select(pair => $"{pair.Key}={pair.Value}")),
        };
    }

    private static string[] Texts(ServiceRow service, string annotation, string alias) =>
        service.Annotations.TryGetValue(annotation, out var text) || service.Annotations.TryGetValue(alias, out text)
            ? text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            : [];
}
