using Cilium.ControlPlane.Health;
using Cilium.Core;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Tests.Health;

public sealed class HealthTargetTests
{
    private static readonly CiliumNodeRow s_node = new()
    {
        Name = "node-b",
        Addresses =
        [
            new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("fd00:9::2")), new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("172.18.0.3")),
            new NodeAddress(NodeAddress.CiliumInternalIP, IpAddr.Parse("10.0.1.1")),
        ],
        HealthIPs = [IpAddr.Parse("10.0.1.7"), IpAddr.Parse("fd00::1:7")],
    };

    [Theory]
    [InlineData(true, true, "172.18.0.3 fd00:9::2", "10.0.1.7 fd00::1:7")]
    [InlineData(true, false, "172.18.0.3", "10.0.1.7")]
    [InlineData(false, true, "fd00:9::2", "fd00::1:7")]
    public void Addresses_of_the_families_in_use_are_probed_IPv4_first(bool ipv4, bool ipv6, string host, string endpoint)
    {
        var target = HealthTarget.Of(s_node, ipv4, ipv6, asksEndpoints: true);

        Assert.Equal(host, string.Join(' ', target.Host));
        Assert.Equal(endpoint, string.Join(' ', target.Endpoint));
    }

    [Fact]
    public void A_node_whose_underlay_is_of_the_other_family_is_probed_there()
    {
        var node = s_node with { Addresses = [new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("172.18.0.3"))] };

        Assert.Equal("172.18.0.3", string.Join(' ', HealthTarget.Of(node, hasIPv4: false, hasIPv6: true, asksEndpoints: true).Host));
    }

    [Fact]
    public void Endpoints_are_left_out_on_demand() => Assert.Empty(HealthTarget.Of(s_node, true, true, asksEndpoints: false).Endpoint);

    [Fact]
    public void What_else_changes_of_a_node_makes_no_other_target() => Assert.Equal(
        HealthTarget.Of(s_node, true, true, true),
        HealthTarget.Of(s_node with { ResourceVersion = "9", PodCidrs = [Prefix.Parse("10.9.0.0/24")] }, true, true, true));

    [Fact]
    public void Nobody_is_asked_at_no_address()
    {
        var node = s_node with
        {
            Addresses = [new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("0.0.0.0")), new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("::"))],
            HealthIPs = [IpAddr.Parse("0.0.0.0"), IpAddr.None],
        };

        var target = HealthTarget.Of(node, true, true, asksEndpoints: true);

        Assert.Empty(target.Host);
        Assert.Empty(target.Endpoint);
    }
}
