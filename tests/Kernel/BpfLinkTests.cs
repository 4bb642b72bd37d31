using System.Net;
using System.Net.Sockets;
using Cilium.Bpf;

namespace Cilium.KernelTests;

public sealed class BpfLinkTests
{
    [Fact]
    public async Task A_pinned_link_survives_its_maker_is_updated_in_place_and_ends_with_its_pin()
    {
        using var net = new TestNamespaces();
        using var pins = new PinFolder();
        using var probe = KernelObjects.OpenProbe();
        probe.Load();
        using var pass = probe.Program("probe_pass");
        using var drop = probe.Program("probe_drop");
        using var counts = probe.Map<BpfObjectTests.CountKey, ulong>("probe_counts");
        Assert.True(KernelFeatures.HasTcx);

        using (var link = net.Left.Run(() => BpfLink.AttachTcx(pass, net.LeftIndex, TcDirection.Ingress)))
        {
            link.Pin(pins["devices/left0/links/probe"]);
            var description = link.Describe();
            Assert.Equal((LinkType.Tcx, net.LeftIndex, AttachType.TcxIngress), (description.Type, description.Ifindex, description.AttachType));
            Assert.Equal(pass.Describe().Id, description.ProgramId);
            Assert.Contains(description.Id, LinkDescription.Ids());
        }
        Assert.True(net.LeftPings(TestNamespaces.RightAddress));
        Assert.Contains(counts.ToDictionary(), c => c.Key.Direction == 0 && c.Value > 0);

        using (var link = BpfLink.OpenPinnedOrNull(pins["devices/left0/links/probe"])!)
        {
            Assert.True(link.TryUpdate(drop));
            Assert.Equal(drop.Describe().Id, link.Describe().ProgramId);
        }
        Assert.False(net.LeftPings(TestNamespaces.RightAddress, 200));

        Assert.True(BpfPins.Unpin(pins["devices/left0/links/probe"]));
        // The kernel detaches a link that nobody holds a little later.
        Assert.True(await TestNode.HappensAsync(() => net.LeftPings(TestNamespaces.RightAddress, 200)));
    }

    [Fact]
    public void The_link_of_a_deleted_device_says_so()
    {
        using var net = new TestNamespaces();
        using var probe = KernelObjects.OpenProbe();
        probe.Load();
        using var pass = probe.Program("probe_pass");
        using var drop = probe.Program("probe_drop");
        using var link = net.Left.Run(() => BpfLink.AttachTcx(pass, net.LeftIndex, TcDirection.Ingress));
        Assert.True(net.LeftNetlink.DeleteLink(net.LeftIndex));
        Assert.False(link.TryUpdate(drop));
        Assert.Equal(0, link.Describe().Ifindex);
    }

    [Fact]
    public void The_clsact_fallback_attaches_replaces_and_detaches()
    {
        using var net = new TestNamespaces();
        using var probe = KernelObjects.OpenProbe();
        probe.Load();
        using var pass = probe.Program("probe_pass");
        using var drop = probe.Program("probe_drop");
        net.Left.Run(() => TcFilter.Attach(pass, net.LeftIndex, TcDirection.Egress));
        Assert.True(net.LeftPings(TestNamespaces.RightAddress));
        net.Left.Run(() => TcFilter.Attach(drop, net.LeftIndex, TcDirection.Egress));
        Assert.False(net.LeftPings(TestNamespaces.RightAddress, 200));
        Assert.True(net.Left.Run(() => TcFilter.Detach(net.LeftIndex, TcDirection.Egress)));
        Assert.False(net.Left.Run(() => TcFilter.Detach(net.LeftIndex, TcDirection.Egress)));
        Assert.True(net.LeftPings(TestNamespaces.RightAddress));
    }

    [Fact]
    public void A_cgroup_link_sees_the_connects_of_its_cgroup()
    {
        using var probe = KernelObjects.OpenProbe();
        probe.Load();
        using var program = probe.Program("probe_connect4");
        using var cgroup = new TestCgroup();
        using (var link = BpfLink.AttachCgroup(program, cgroup.Path, AttachType.CgroupInet4Connect))
        {
            Assert.Equal((LinkType.Cgroup, AttachType.CgroupInet4Connect), (link.Describe().Type, link.Describe().AttachType));
            Assert.Equal(SocketError.AccessDenied, cgroup.Run(() => Connect(1)));
            Assert.Equal(SocketError.ConnectionRefused, Connect(1));
        }
        Assert.Equal(SocketError.ConnectionRefused, cgroup.Run(() => Connect(1)));
        Assert.Equal(2, Assert.Throws<KernelException>(
            () => BpfLink.AttachCgroup(program, cgroup.Path + "/nothing", AttachType.CgroupInet4Connect)).Errno);
    }

    private static SocketError Connect(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }
}
