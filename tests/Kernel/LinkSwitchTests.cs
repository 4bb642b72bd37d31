using Cilium.Bpf;
using Cilium.Datapath;
using Cilium.Datapath.Inspection;

namespace Cilium.KernelTests;

/// <summary>An agent that attaches in another way than the one before it leaves nothing of the other way.</summary>
public sealed class LinkSwitchTests
{
    [Fact]
    public async Task Filters_take_the_place_of_links_and_links_that_of_filters()
    {
        using var node = new TestNode();
        var pod = node.AddPod(11);
        await node.StartAsync();
        await node.PutAsync(pod.Row);
        Assert.True(await TestNode.HappensAsync(() => Filters(node, pod).Count == 0));
        var links = Links(node);
        Assert.Contains("endpoint 11 cil_from_container", links);
        Assert.Contains("und0 cil_from_netdev", links);

        node.Options.EnableTcx = false;
        await RestartAsync(node, pod);
        Assert.Empty(Links(node));
        Assert.Equal(["lxc11 Egress cil_to_containe", "lxc11 Ingress cil_from_contai", "und0 Egress cil_to_netdev", "und0 Ingress cil_from_netdev"], Filters(node, pod));

        node.Options.EnableTcx = true;
        await RestartAsync(node, pod);
        Assert.True(await TestNode.HappensAsync(() => Links(node).SequenceEqual(links)));
        Assert.True(await TestNode.HappensAsync(() => Filters(node, pod).Count == 0));
    }

    [Fact]
    public async Task A_filter_of_somebody_else_stays()
    {
        using var node = new TestNode();
        var device = node.Netlink.FindLink("und0")!.Index;
        using var probe = KernelObjects.OpenProbe();
        probe.Load();
        using var foreign = probe.Program("probe_pass");
        node.Node.Run(() => TcFilter.Attach(foreign, device, TcDirection.Ingress));
        await node.StartAsync();
        Assert.NotNull(node.Node.Run(() => TcFilter.FindProgram(device, TcDirection.Ingress)));
    }

    private static Task RestartAsync(TestNode node, TestPod pod) => RestartAsync(node, tables => tables.Store.Write(write => write.Upsert(tables.Endpoints, pod.Row)), pod);

    private static async Task RestartAsync(TestNode node, Action<DatapathTables> fill, TestPod pod)
    {
        await node.RestartAsync(fill);
        await node.PutAsync(pod.Row);
    }

    private static List<string> Links(TestNode node) =>
        [.. AttachedProgram.List(node.Options.BpfRoot).Where(link => link.Target != "cgroup").Select(link => $"{link.Target} {link.Program}").Order(StringComparer.Ordinal)];

    private static List<string> Filters(TestNode node, TestPod pod) => node.Node.Run(() =>
    {
        (string Name, int Index)[] devices = [("und0", node.Netlink.FindLink("und0")!.Index), (pod.Row.InterfaceName, pod.Row.InterfaceIndex)];
        return devices
            .SelectMany(device => new[] { TcDirection.Ingress, TcDirection.Egress }.Select(direction => (device, direction, id: TcFilter.FindProgram(device.Index, direction))))
            .Where(filter => filter.id is not null)
            .Select(filter => $"{filter.device.Name} {filter.direction} {ProgramDescription.ReadOrNull(filter.id!.Value)!.Name}")
            .Order(StringComparer.Ordinal).ToList();
    });
}
