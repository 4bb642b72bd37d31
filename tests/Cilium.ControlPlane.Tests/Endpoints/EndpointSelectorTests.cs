using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class EndpointSelectorTests
{
    [Theory]
    [InlineData("7", true)]
    [InlineData("cilium-local:7", true)]
    [InlineData("8", false)]
    [InlineData("container-id:container-7", true)]
    [InlineData("cni-attachment-id:container-7:eth0", true)]
    [InlineData("cni-attachment-id:container-7:eth1", false)]
    [InlineData("pod-name:default:pod-a", true)]
    [InlineData("pod-name:default/pod-a", true)]
    [InlineData("cep-name:default:pod-b", false)]
    [InlineData("ipv4:10.0.0.7", true)]
    [InlineData("ipv4:10.0.0.8", false)]
    public void Prefixes_name_endpoints(string id, bool expected)
    {
        Assert.True(EndpointSelector.TryParse(id, out var selector));
        Assert.Equal(expected, selector.Matches(TestTables.Endpoint(7, "pod-a", "10.0.0.7")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("65536")]
    [InlineData("nonsense:1")]
    [InlineData("ipv4:fd00::1")]
    [InlineData("pod-name:x")]
    public void Malformed_ids_are_refused(string id) => Assert.False(EndpointSelector.TryParse(id, out _));
}
