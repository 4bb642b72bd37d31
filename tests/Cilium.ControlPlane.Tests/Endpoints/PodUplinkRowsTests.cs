using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Datapath.Endpoints;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class PodUplinkRowsTests
{
    private static readonly MacAddress s_mac = new(0x020000000001);

    private static readonly CiliumNodeRow s_node = new()
    {
        Name = "node-a",
        Interfaces =
        [
            new NodeEni("eni-1") { Number = 0, SubnetCidr = Prefix.Parse("10.0.0.0/24"), Addresses = [IpAddr.Parse("10.0.0.9")] },
            new NodeEni("eni-2")
            {
                Number = 2,
                Mac = s_mac,
                SubnetCidr = Prefix.Parse("10.0.1.0/24"),
                NetworkCidrs = [Prefix.Parse("10.0.0.0/16"), Prefix.Parse("10.1.0.0/16")],
                Addresses = [IpAddr.Parse("10.0.1.9")],
            },
        ],
    };

    [Fact]
    public void An_address_leaves_by_its_interface_through_the_second_address_of_the_subnet()
    {
        var uplink = PodUplinkRows.Of(s_node, IpAddr.Parse("10.0.1.9"), masquerades: true);
        Assert.Equal(new PodUplink(s_mac, IpAddr.Parse("10.0.1.1"), 12, [Prefix.Parse("10.0.0.0/16"), Prefix.Parse("10.1.0.0/16")]), uplink);
        Assert.Empty(PodUplinkRows.Of(s_node, IpAddr.Parse("10.0.1.9"), masquerades: false)!.Destinations);
        Assert.Null(PodUplinkRows.Of(s_node, IpAddr.Parse("10.0.1.10"), masquerades: true));
        Assert.Null(PodUplinkRows.Of(s_node, IpAddr.None, masquerades: true));
    }

    [Fact]
    public void The_primary_range_of_the_network_is_not_masqueraded_unless_another_is_configured()
    {
        var test = new TestTables();
        test.Options.Ipam = "eni";
        test.Write(write => write.Upsert(test.Kubernetes.CiliumNodes, s_node with { Name = test.Options.NodeName }));
        PodUplinkRows.TakeNativeRange(test.Tables, test.Options);
        Assert.Equal([Prefix.Parse("10.0.0.0/16")], test.Options.Datapath.NativeRoutingPrefixes);
        test.Options.Datapath.NativeRoutingPrefixes = [Prefix.Parse("192.0.2.0/24")];
        PodUplinkRows.TakeNativeRange(test.Tables, test.Options);
        Assert.Equal([Prefix.Parse("192.0.2.0/24")], test.Options.Datapath.NativeRoutingPrefixes);
    }
}
