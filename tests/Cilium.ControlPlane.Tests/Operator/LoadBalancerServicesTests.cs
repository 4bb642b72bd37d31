using Cilium.ControlPlane.Operator;
using Cilium.Core;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Tests.Operator;

public sealed class LoadBalancerServicesTests
{
    private readonly OperatorOptions _options = new();

    [Theory]
    [InlineData("LoadBalancer", "", true)]
    [InlineData("ClusterIP", "", false)]
    [InlineData("LoadBalancer", "io.cilium/l2-announcer", false)]
    [InlineData("LoadBalancer", "somebody.else/lb", false)]
    public void Only_services_of_our_classes_are_served(string type, string loadBalancerClass, bool expected) =>
        Assert.Equal(expected, LoadBalancerServices.IsOurs(Service() with { Type = type, LoadBalancerClass = loadBalancerClass }, _options));

    [Fact]
    public void A_class_is_served_when_its_feature_is_on_and_no_class_only_when_none_is_required()
    {
        _options.RequireLoadBalancerClass = true;
        _options.EnableBgp = true;
        Assert.False(LoadBalancerServices.IsOurs(Service(), _options));
        Assert.True(LoadBalancerServices.IsOurs(Service() with { LoadBalancerClass = "io.cilium/bgp-control-plane" }, _options));
    }

    [Fact]
    public void Annotations_with_their_older_names_and_the_field_of_the_spec_are_read()
    {
        var service = Service() with
        {
            Annotations = StringMap.Create(
            [
                KeyValuePair.Create("io.cilium/lb-ipam-ips", "10.0.0.1, 10.0.0.2"),
                KeyValuePair.Create("lbipam.cilium.io/sharing-key", "shared"),
                KeyValuePair.Create("lbipam.cilium.io/sharing-cross-namespace", "a,b"),
            ]),
            RequestedLoadBalancerIP = "10.9.9.9",
        };
        var request = LoadBalancerServices.RequestOf(service, _options);
        Assert.Equal("[10.0.0.1, 10.0.0.2]", request.Requested.ToString());
        Assert.Equal("shared", request.SharingKey);
        Assert.Equal("[a, b]", request.SharingNamespaces.ToString());
        Assert.Equal("ns", request.Labels["io.kubernetes.service.namespace"]);
        Assert.Equal("web", request.Labels["io.kubernetes.service.name"]);
        Assert.Equal("[10.9.9.9]", LoadBalancerServices.RequestOf(service with { Annotations = StringMap.Empty }, _options).Requested.ToString());
    }

    [Theory]
    [InlineData("IPv4", "SingleStack", true, false, false)]
    [InlineData("IPv6,IPv4", "PreferDualStack", true, true, true)]
    [InlineData("IPv4,IPv6", "RequireDualStack", true, true, false)]
    [InlineData("", "", true, false, false)]
    public void The_families_of_the_service_are_wanted(string families, string policy, bool wantsIPv4, bool wantsIPv6, bool isPartialFine)
    {
        var request = LoadBalancerServices.RequestOf(
            Service() with { IPFamilies = families.Split(',', StringSplitOptions.RemoveEmptyEntries).ToEquatableArray(), IPFamilyPolicy = policy }, _options);
        Assert.Equal((wantsIPv4, wantsIPv6, isPartialFine), (request.WantsIPv4, request.WantsIPv6, request.IsPartialFine));
    }

    private static ServiceRow Service() => new() { Namespace = "ns", Name = "web", Type = "LoadBalancer" };
}
