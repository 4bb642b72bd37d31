using Cilium.ControlPlane.Addresses;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Tests.Addresses;

/// <summary>Which changes have the addresses of the API server worked out again.</summary>
public sealed class ApiServerAddressesTests
{
    private static readonly CiliumNodeRow s_node = new()
    {
        Name = "node-b",
        Addresses = [new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("172.18.0.3"))],
    };

    private static readonly EndpointSliceRow s_slice = new() { Namespace = "default", Name = "kubernetes", ServiceName = "kubernetes" };

    [Fact]
    public void Another_service_or_what_else_a_node_tells_changes_nothing()
    {
        var busy = s_node with { ResourceVersion = "2", Addresses = [new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("172.18.0.3"))] };
        Assert.False(MayChangeBy([Change(null, s_slice with { ServiceName = "web" })], [Change(s_node, busy)]));
    }

    [Fact]
    public void Its_slices_addresses_of_nodes_and_this_node_may_change_them()
    {
        Assert.True(MayChangeBy([Change(null, s_slice)], []));
        Assert.True(MayChangeBy([Change(s_slice, null)], []));
        Assert.True(MayChangeBy([], [Change(null, s_node)]));
        Assert.True(MayChangeBy([], [Change(s_node, null)]));
        Assert.True(MayChangeBy([], [Change(s_node, s_node with { Addresses = [] })]));
        var self = s_node with { Name = "node-a" };
        Assert.True(MayChangeBy([], [Change(self, self with { ResourceVersion = "2" })]));
    }

    private static bool MayChangeBy(TableChange<NamespacedName, EndpointSliceRow>[] slices, TableChange<string, CiliumNodeRow>[] nodes) =>
        ApiServerAddresses.MayChangeBy(slices, nodes, "node-a");

    private static TableChange<NamespacedName, EndpointSliceRow> Change(EndpointSliceRow? previous, EndpointSliceRow? current) =>
        new(new NamespacedName("default", "kubernetes"), previous, current, 1);

    private static TableChange<string, CiliumNodeRow> Change(CiliumNodeRow? previous, CiliumNodeRow? current) =>
        new((current ?? previous)!.Name, previous, current, 1);
}
