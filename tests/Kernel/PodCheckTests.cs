using System.Net;
using Cilium.Core;
using Cilium.Hosts.Cni.Devices;
using Cilium.Netlink;

namespace Cilium.KernelTests;

public sealed class PodCheckTests
{
    private static readonly IpAddr s_address = IpAddr.Parse("10.77.0.5");
    private static readonly IpAddr s_gateway = IpAddr.Parse("10.77.0.1");

    [Fact]
    public void A_route_of_the_chain_may_lead_over_any_device_of_the_pod()
    {
        using var net = new TestNamespaces();
        var network = new VethPodNetwork();
        // The pod is on the right, with a device that another plugin of the chain has given it.
        var pod = $"/run/netns/{net.RightName}";
        net.Left.Run(() => network.Create(
            new PodDevice
            {
                HostName = "lxc_test",
                PodName = "eth0",
                HostMac = MacAddress.FromBytes([2, 0, 0, 0, 0x77, 1]),
                PodMac = MacAddress.FromBytes([2, 0, 0, 0, 0x77, 2]),
                DeviceMtu = 1400,
                RouteMtu = 1350,
                Addresses = [(s_address, s_gateway)],
            },
            pod));
        var others = IPNetwork.Parse("10.20.0.0/16");
        net.RightNetlink.ReplaceRoute(new Route { Destination = others, Gateway = TestNamespaces.LeftAddress, LinkIndex = net.RightIndex });

        (Prefix, IpAddr) ours = (Prefix.Parse("0.0.0.0/0"), s_gateway), theirs = (Prefix.Parse("10.20.0.0/16"), IpAddr.FromIPAddress(TestNamespaces.LeftAddress));
        Assert.Null(network.Check(pod, "eth0", [s_address], [ours, theirs]));
        Assert.Contains("10.30.0.0/16", network.Check(pod, "eth0", [s_address], [ours, theirs, (Prefix.Parse("10.30.0.0/16"), IpAddr.None)]), StringComparison.Ordinal);
        Assert.Contains("0.0.0.0/0", network.Check(pod, "eth0", [s_address], [(Prefix.Parse("0.0.0.0/0"), s_address), theirs]), StringComparison.Ordinal);
    }
}
