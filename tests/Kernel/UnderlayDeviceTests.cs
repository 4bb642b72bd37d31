using System.Net;
using Cilium.Core;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.Kernel;
using Cilium.Netlink;
using Microsoft.Extensions.Logging;

namespace Cilium.KernelTests;

/// <summary>Programs on the devices by which a node reaches others, whatever these are called and however many there are.</summary>
public sealed class UnderlayDeviceTests
{
    [Fact]
    public async Task A_device_with_a_dot_in_its_name_keeps_its_links_over_a_restart()
    {
        using var node = new TestNode(device: "und0.5");
        await node.StartAsync();
        var links = Links(node).Select(link => (link.Ifindex, link.Program, link.LinkId)).ToList();
        var device = node.Netlink.FindLink("und0.5")!.Index;
        Assert.Equal([(device, "cil_from_netdev"), (device, "cil_to_netdev")], links.Select(link => (link.Ifindex, link.Program)));

        await node.RestartAsync();
        Assert.Equal(links, Links(node).Select(link => (link.Ifindex, link.Program, link.LinkId)));
    }

    [Fact]
    public async Task Devices_whose_names_differ_by_a_dot_have_links_of_their_own()
    {
        using var node = new TestNode(device: "und0.5");
        var dashed = node.AddDevice("und0-5");
        var dotted = node.Netlink.FindLink("und0.5")!.Index;
        foreach (var devices in new string[][] { ["und0.5"], ["und0.5", "und0-5"], ["und0-5", "und0.5"], ["und0.5"], ["und0-5"] })
        {
            node.Options.Devices = devices;
            await node.RestartAsync();
            Assert.Equal(
                devices.Select(device => device == "und0.5" ? dotted : dashed).SelectMany(index => new[] { (index, "cil_from_netdev"), (index, "cil_to_netdev") }).Order(),
                Links(node).Select(link => (link.Ifindex, link.Program)).Order());
        }
    }

    [Fact]
    public async Task Each_hop_of_a_default_route_has_the_programs_on_its_device()
    {
        using var node = new TestNode();
        var first = node.Netlink.FindLink("und0")!.Index;
        var second = node.AddDevice("und1");
        node.Netlink.AddAddress(new InterfaceAddress(second, IPAddress.Parse("172.31.0.2"), 24));
        node.Netlink.ReplaceRoute(new Route
        {
            Destination = IPNetwork.Parse("0.0.0.0/0"),
            LinkIndex = first,
            Gateway = TestNode.WorldAddress,
            OtherHops = new NextHop(second, IPAddress.Parse("172.31.0.1"), null),
        });
        await node.StartAsync();
        Assert.Equal(
            new[] { first, second }.SelectMany(index => new[] { (index, "cil_from_netdev"), (index, "cil_to_netdev") }).Order(),
            Links(node).Select(link => (link.Ifindex, link.Program)).Order());
    }

    [Fact]
    public async Task A_pod_has_the_address_of_the_device_by_which_it_leaves()
    {
        using var node = new TestNode(configure: options => options.Devices = ["und0", "und1"]);
        var other = IPAddress.Parse("172.31.0.77");
        var (index, behind) = node.AddNetwork("und1", IPAddress.Parse("172.31.0.2"), other);
        await node.StartAsync();
        var pod = node.AddPod(11);
        await node.PutAsync(pod.Row);
        using var world = TestNetwork.Serve(node.World, TestNode.WorldAddress, 80);
        using var network = TestNetwork.Serve(behind, other, 80);
        Assert.Equal("172.30.0.2", TestNetwork.Ask(pod.Namespace, TestNode.WorldAddress, 80));
        Assert.Equal("172.31.0.2", TestNetwork.Ask(pod.Namespace, other, 80));

        // And what the device has later.
        node.Netlink.DeleteAddress(new InterfaceAddress(index, IPAddress.Parse("172.31.0.2"), 24));
        node.Netlink.AddAddress(new InterfaceAddress(index, IPAddress.Parse("172.31.0.9"), 24));
        Assert.True(await TestNode.HappensAsync(() => TestNetwork.Ask(pod.Namespace, other, 80, 300) == "172.31.0.9"));
    }

    [Fact]
    public async Task A_device_that_is_made_anew_gets_the_programs_again()
    {
        using var log = new LevelLog(LogLevel.Error);
        using var node = new TestNode(configure: options => options.Devices = ["und0", "und1"], loggers: log);
        var before = (uint)node.AddDevice("und1");
        await node.StartAsync();
        Assert.True(node.Datapath.Maps.DeviceAddresses.TryLookup(before, out _));

        node.Netlink.DeleteLink("und1");
        var after = (uint)node.AddDevice("und1");
        Assert.NotEqual(before, after);
        Assert.True(await TestNode.HappensAsync(() => Links(node).Count(link => link.Ifindex == after) == 2));
        node.Netlink.AddAddress(new InterfaceAddress((int)after, IPAddress.Parse("172.31.0.2"), 24));
        Assert.True(await TestNode.HappensAsync(() =>
            node.Datapath.Maps.DeviceAddresses.TryLookup(after, out var row) && row.IPv4.ToIpAddr() == IpAddr.Parse("172.31.0.2")));
        Assert.False(node.Datapath.Maps.DeviceAddresses.TryLookup(before, out _));
        Assert.Empty(log.Messages);
    }

    [Theory]
    [InlineData("cilium_vxlan")]
    [InlineData("und0")]
    public async Task A_device_whose_number_programs_know_is_told_of_when_it_goes(string device)
    {
        using var log = new LevelLog(LogLevel.Error);
        using var node = new TestNode(loggers: log);
        await node.StartAsync();
        node.Netlink.DeleteLink(device);
        Assert.True(await TestNode.HappensAsync(() => log.Messages.Any(line => line.Contains($"Device {device} ", StringComparison.Ordinal) && line.Contains("restart", StringComparison.Ordinal))));
    }

    private static List<AttachedProgram> Links(TestNode node) =>
        [.. AttachedProgram.List(node.Options.BpfRoot).Where(link => link.Program is "cil_from_netdev" or "cil_to_netdev")];
}
