using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Policies;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Tests.Policies;

/// <summary>Which changes of endpoints have all of them looked at again.</summary>
public sealed class PeerPortsTests
{
    private static readonly CiliumEndpointRow s_other = new()
    {
        Namespace = "default",
        Name = "web",
        Identity = new Identity(300),
        NamedPorts = [new ContainerPort("http", 8080, L4Protocol.Tcp)],
    };

    private static readonly EndpointIdentityRow s_own = new()
    {
        Id = new EndpointId(1),
        Identity = new Identity(301),
        Labels = LabelSet.Parse("k8s:app=a"),
        NamedPorts = [new NamedPort("http", L4Protocol.Tcp, 8080)],
    };

    [Fact]
    public void A_change_of_something_else_touches_no_identity()
    {
        // Another array with the same ports, as each decoded object has.
        var state = s_other with { State = "ready", NamedPorts = [new ContainerPort("http", 8080, L4Protocol.Tcp)] };
        var owner = s_own with { PodUid = "uid", NamedPorts = [new NamedPort("http", L4Protocol.Tcp, 8080)] };
        Assert.Empty(PeerPorts.TouchedBy([Change(s_other, state)], [Change(s_own, owner)]));
    }

    [Fact]
    public void What_comes_goes_or_has_other_ports_or_another_identity_touches_both()
    {
        var moved = new Identity(302);
        Assert.Equal(s_other.Identity, Assert.Single(PeerPorts.TouchedBy([Change(null, s_other)], [])));
        Assert.Equal(s_other.Identity, Assert.Single(PeerPorts.TouchedBy([Change(s_other, null)], [])));
        Assert.Equal(s_other.Identity, Assert.Single(PeerPorts.TouchedBy([Change(s_other, s_other with { NamedPorts = [] })], [])));
        Assert.Equal([s_other.Identity, moved], PeerPorts.TouchedBy([Change(s_other, s_other with { Identity = moved })], []).Order());
        Assert.Equal(s_own.Identity, Assert.Single(PeerPorts.TouchedBy([], [Change(null, s_own)])));
        Assert.Equal(s_own.Identity, Assert.Single(PeerPorts.TouchedBy([], [Change(s_own, s_own with { NamedPorts = [] })])));
        Assert.Equal([s_own.Identity, moved], PeerPorts.TouchedBy([], [Change(s_own, s_own with { Identity = moved })]).Order());
    }

    private static TableChange<NamespacedName, CiliumEndpointRow> Change(CiliumEndpointRow? previous, CiliumEndpointRow? current) =>
        new(s_other.Key, previous, current, 1);

    private static TableChange<EndpointId, EndpointIdentityRow> Change(EndpointIdentityRow? previous, EndpointIdentityRow? current) =>
        new(s_own.Id, previous, current, 1);
}
