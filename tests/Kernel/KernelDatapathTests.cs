using System.Net;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Datapath;
using Cilium.Datapath.Events;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Nodes;

namespace Cilium.KernelTests;

public sealed class KernelDatapathTests
{
    [Fact]
    public async Task Pods_reach_each_other_the_node_and_the_world()
    {
        using var node = new TestNode();
        await node.StartAsync();
        Assert.Equal((1500, 1450), (node.Datapath.DeviceMtu, node.Datapath.RouteMtu));
        TestPod a = node.AddPod(11), b = node.AddPod(12);
        Assert.Equal(ReconcileState.Done, (await node.PutAsync(a.Row)).State);
        Assert.Equal(ReconcileState.Done, (await node.PutAsync(b.Row)).State);

        Assert.True(a.Pings(b.IPv4));
        Assert.True(a.Pings(b.IPv6));
        using var server = TestNetwork.Serve(b.Namespace, b.IPv4, 80);
        Assert.Equal(a.IPv4.ToString(), TestNetwork.Ask(a.Namespace, b.IPv4, 80));

        Assert.True(a.Pings(node.Row.RouterIPv4.ToIPAddress()));
        Assert.True(TestNetwork.Pings(node.Node, a.IPv4));
        Assert.True(TestNetwork.Pings(node.Node, b.IPv6));

        // The world sees the node's address.
        using var world = TestNetwork.Serve(node.World, TestNode.WorldAddress, 80);
        Assert.Equal("172.30.0.2", TestNetwork.Ask(a.Namespace, TestNode.WorldAddress, 80));
    }

    [Fact]
    public async Task Services_are_in_their_maps_before_connections_have_theirs_and_programs_see_packets()
    {
        using var node = new TestNode();
        await node.Datapath.PrepareAsync(CancellationToken.None);
        var maps = node.Pinned("cilium_*");
        Assert.Contains("cilium_lb_frontends", maps);
        Assert.DoesNotContain("cilium_ct", maps);

        var frontend = new L4Address(IpAddr.Parse("10.96.0.10"), 80, L4Protocol.Tcp);
        node.Tables.Store.Write(write => write.Upsert(node.Tables.Frontends, new FrontendRow
        {
            Address = frontend,
            ServiceNamespace = "default",
            ServiceName = "web",
            Backends = EquatableArray.Create([new BackendRef(new L4Address(IpAddr.Parse("10.77.1.11"), 80, L4Protocol.Tcp), BackendState.Active, true)]),
        }));
        await node.StartAsync();
        Assert.NotNull(node.Datapath.FindServiceId(frontend));
        Assert.Contains("cilium_ct", node.Pinned("cilium_*"));
    }

    [Fact]
    public async Task A_policy_drops_what_it_does_not_allow_and_cuts_what_it_forbids_later()
    {
        using var node = new TestNode();
        await node.StartAsync();
        TestPod a = node.AddPod(11), b = node.AddPod(12), c = node.AddPod(13);
        foreach (var pod in new[] { a, b, c })
            await node.PutAsync(pod.Row);
        using var server = TestNetwork.Serve(b.Namespace, b.IPv4, 80);
        using var other = TestNetwork.Serve(b.Namespace, b.IPv4, 81);

        var onlyA = IngressPolicy(1, new PolicyEntry(new PolicyKey(TrafficDirection.Ingress, a.Row.Identity, L4Protocol.Tcp, 80, 16), PolicyVerdict.Allow));
        await node.PutAsync(b.Row with { Policy = onlyA.Key }, onlyA);
        Assert.NotNull(TestNetwork.Ask(a.Namespace, b.IPv4, 80));
        Assert.Null(TestNetwork.Ask(a.Namespace, b.IPv4, 81, 300));
        Assert.Null(TestNetwork.Ask(c.Namespace, b.IPv4, 80, 300));
        Assert.False(c.Pings(b.IPv4, 300));
        // Replies to what b opens itself pass.
        Assert.True(b.Pings(c.IPv4));
        Assert.True(await HappensAsync(() => node.Events.Snapshot().Any(e =>
            e.Type == DatapathEventType.Drop && e.SubType == 133 && e.SourceIdentity == c.Row.Identity && e.DestinationIdentity == b.Row.Identity)));
        Assert.True(await HappensAsync(() => node.Events.Snapshot().Any(e => e is { Type: DatapathEventType.PolicyVerdict, Verdict: 0, DestinationPort: 80 })));
        Assert.Contains(new DatapathInspection(node.Datapath.Maps).Drops(), drop => (byte)drop.Key.Reason == 133 && drop.Value.Count > 0);

        // The identity comes into the existing rule in place.
        var alsoC = onlyA with { Entries = new[] { onlyA.Entries[0], new PolicyEntry(onlyA.Entries[0].Key with { Identity = c.Row.Identity }, PolicyVerdict.Allow) }.ToEquatableArray() };
        node.Tables.Store.Write(write => write.Upsert(node.Tables.Policies, alsoC));
        Assert.True(await HappensAsync(() => TestNetwork.Ask(c.Namespace, b.IPv4, 80, 300) is not null));

        var nobody = IngressPolicy(2);
        await node.PutAsync(b.Row with { Policy = nobody.Key }, nobody);
        Assert.Null(TestNetwork.Ask(a.Namespace, b.IPv4, 80, 300));
    }

    [Fact]
    public async Task A_restart_keeps_traffic_and_state()
    {
        using var node = new TestNode();
        await node.StartAsync();
        TestPod a = node.AddPod(11), b = node.AddPod(12);
        var allow = IngressPolicy(1, new PolicyEntry(new PolicyKey(TrafficDirection.Ingress, a.Row.Identity, L4Protocol.Any, 0, 0), PolicyVerdict.Allow));
        await node.PutAsync(a.Row);
        await node.PutAsync(b.Row with { Policy = allow.Key }, allow);
        Assert.True(a.Pings(b.IPv4));
        Assert.True(await HappensAsync(() => AttachedProgram.List(node.Options.BpfRoot).Count(l => l.Target.StartsWith("endpoint", StringComparison.Ordinal)) == 4));
        var links = AttachedProgram.List(node.Options.BpfRoot);
        Assert.Contains(links, l => l is { Target: "endpoint 11", Program: "cil_from_container", Hook: "tcx/ingress" } && l.Ifindex == a.Row.InterfaceIndex);
        Assert.Contains(links, l => l is { Target: "cilium_vxlan", Program: "cil_from_overlay" });
        Assert.Contains(links, l => l is { Target: "cgroup", Program: "cil_sock4_connect", Hook: "connect4" });

        await node.Datapath.StopAsync(CancellationToken.None);
        Assert.True(a.Pings(b.IPv4));
        await node.RestartAsync();
        // Nothing desired has been told yet: what is there stays.
        Assert.True(a.Pings(b.IPv4));
        await node.PutAsync(a.Row);
        await node.PutAsync(b.Row with { Policy = allow.Key }, allow);
        Assert.True(a.Pings(b.IPv4));
        Assert.Equal(links.Select(l => (l.Target, l.Program, l.LinkId)), AttachedProgram.List(node.Options.BpfRoot).Select(l => (l.Target, l.Program, l.LinkId)));

        // Once everything is told, what nobody desires goes.
        node.Tables.Store.Write(write => write.Delete(node.Tables.Endpoints, a.Row.Id));
        node.Tables.Endpoints.CompleteInitializer("test");
        Assert.True(await HappensAsync(() => node.Netlink.FindLink(a.Row.InterfaceName) is null));
        Assert.True(await HappensAsync(() => AttachedProgram.List(node.Options.BpfRoot).All(l => l.Target != "endpoint 11")));
        Assert.DoesNotContain(new DatapathInspection(node.Datapath.Maps).Endpoints(), e => e.Address == a.Row.IPv4);
    }

    [Fact]
    public async Task What_addresses_were_is_known_before_the_start_and_rows_are_waited_for_until_it()
    {
        using var node = new TestNode();
        Assert.Empty(node.Datapath.ReadInheritedAddresses());
        IpCacheRow[] rows =
        [
            new() { Prefix = Prefix.Parse("192.0.2.0/25"), Identity = new Identity(16777225) },
            new() { Prefix = Prefix.Parse("fd00:9::/48"), Identity = new Identity(16777226) },
            new() { Prefix = Prefix.Parse("10.77.9.7/32"), Identity = new Identity(300), TunnelEndpoint = IpAddr.Parse("172.30.0.9") },
        ];
        var tried = node.Datapath.WaitUntilAttemptedAsync(node.Tables.IpCache, node.Tables.Store.Write(write => write.Replace(node.Tables.IpCache, rows)), default);
        Assert.False(tried.IsCompleted);
        await node.StartAsync();
        await tried;
        await node.Datapath.StopAsync(CancellationToken.None);
        Assert.Equal(rows, node.Datapath.ReadInheritedAddresses().OrderBy(row => row.Identity.IsLocal ? row.Identity.Value : uint.MaxValue));
    }

    [Theory]
    [InlineData("ipv4 only")]
    [InlineData("ipv6 only")]
    [InlineData("no tcx")]
    [InlineData("no tunnel")]
    [InlineData("no socket services")]
    public async Task Switched_off_features_leave_the_others_working(string what)
    {
        using var node = new TestNode();
        node.Options.EnableIPv6 = what != "ipv4 only";
        node.Options.EnableIPv4 = what != "ipv6 only";
        node.Options.EnableTcx = what != "no tcx";
        node.Options.EnableTunnel = what != "no tunnel";
        node.Options.EnableSocketLoadBalancing = what != "no socket services";
        await node.StartAsync();
        TestPod a = node.AddPod(11), b = node.AddPod(12);
        await node.PutAsync(a.Row);
        await node.PutAsync(b.Row);
        Assert.Equal(node.Options.EnableIPv4, a.Pings(b.IPv4, node.Options.EnableIPv4 ? TestNetwork.PatienceMilliseconds : 200));
        Assert.Equal(node.Options.EnableIPv6, a.Pings(b.IPv6, node.Options.EnableIPv6 ? TestNetwork.PatienceMilliseconds : 200));
        Assert.True(TestNetwork.Pings(node.Node, node.Options.EnableIPv4 ? a.IPv4 : a.IPv6));
        // The node's IPv4 address carries the tunnel whatever families pods have.
        Assert.Equal(!node.Options.EnableTunnel ? 1500 : 1450, node.Datapath.RouteMtu);
    }

    [Fact]
    public async Task An_address_that_the_node_gets_later_is_its_own()
    {
        using var node = new TestNode();
        await node.StartAsync();
        var pod = node.AddPod(11);
        await node.PutAsync(pod.Row);
        var address = new Cilium.Netlink.InterfaceAddress(node.Netlink.FindLink("und0")!.Index, IPAddress.Parse("192.0.2.77"), 32);
        node.Netlink.AddAddress(address);
        Assert.True(await HappensAsync(() => new DatapathInspection(node.Datapath.Maps).Endpoints().Any(e => e.Address == IpAddr.Parse("192.0.2.77"))));
        Assert.True(pod.Pings(IPAddress.Parse("192.0.2.77")));
        node.Netlink.DeleteAddress(address);
        Assert.True(await HappensAsync(() => new DatapathInspection(node.Datapath.Maps).Endpoints().All(e => e.Address != IpAddr.Parse("192.0.2.77"))));
    }

    [Fact]
    public async Task A_service_is_translated_per_packet()
    {
        using var node = new TestNode();
        await node.StartAsync();
        TestPod a = node.AddPod(11), b = node.AddPod(12);
        await node.PutAsync(a.Row);
        await node.PutAsync(b.Row);
        using var server = TestNetwork.Serve(b.Namespace, b.IPv4, 8080);
        var frontend = new L4Address(IpAddr.Parse("10.96.0.10"), 80, L4Protocol.Tcp);
        var row = new FrontendRow
        {
            Address = frontend,
            ServiceNamespace = "default",
            ServiceName = "web",
            Backends = EquatableArray.Create([new BackendRef(new L4Address(b.Row.IPv4, 8080, L4Protocol.Tcp), BackendState.Active)]),
        };
        node.Tables.Store.Write(write => write.Upsert(node.Tables.Frontends, row));
        Assert.True(await HappensAsync(() => TestNetwork.Ask(a.Namespace, IPAddress.Parse("10.96.0.10"), 80, 500) == a.IPv4.ToString()));
        var service = Assert.Single(new DatapathInspection(node.Datapath.Maps).Services());
        Assert.Equal(frontend, service.Frontend);

        // The number is the same for everyone, and after a restart.
        Assert.Equal(service.Id, node.Datapath.FindServiceId(frontend));
        Assert.Null(node.Datapath.FindServiceId(frontend with { Port = 81 }));
        await node.RestartAsync(tables => tables.Store.Write(write => write.Upsert(tables.Frontends, row)));
        Assert.True(await HappensAsync(() => node.Datapath.FindServiceId(frontend) is not null));
        Assert.Equal(service.Id, node.Datapath.FindServiceId(frontend));
    }

    [Fact]
    public async Task A_service_is_translated_at_the_socket()
    {
        using var node = new TestNode();
        await node.StartAsync();
        TestPod a = node.AddPod(11), b = node.AddPod(12);
        await node.PutAsync(a.Row);
        await node.PutAsync(b.Row);
        using var server = TestNetwork.Serve(b.Namespace, b.IPv4, 8080);
        var row = new FrontendRow
        {
            Address = new L4Address(IpAddr.Parse("10.96.0.11"), 80, L4Protocol.Tcp),
            ServiceNamespace = "default",
            ServiceName = "web",
            Backends = EquatableArray.Create([new BackendRef(new L4Address(b.Row.IPv4, 8080, L4Protocol.Tcp), BackendState.Active)]),
        };
        node.Tables.Store.Write(write => write.Upsert(node.Tables.Frontends, row));
        Assert.True(await HappensAsync(() => node.Datapath.Maps.Services.Frontends.ToDictionary().Count == 1));
        Assert.Equal(a.IPv4.ToString(), node.RunInCgroup(() => TestNetwork.Ask(a.Namespace, IPAddress.Parse("10.96.0.11"), 80)));
        // The node itself has no route to the service but its default: only the socket hook leads it to the pod.
        Assert.NotNull(node.RunInCgroup(() => TestNetwork.Ask(node.Node, IPAddress.Parse("10.96.0.11"), 80)));
    }

    [Fact]
    public async Task Pods_reach_each_other_across_nodes_with_the_senders_identity()
    {
        using var first = new TestNode(1);
        using var second = new TestNode(2, first);
        await first.StartAsync();
        await second.StartAsync();
        TestPod a = first.AddPod(11), b = second.AddPod(12), c = first.AddPod(13);
        await first.PutAsync(a.Row);
        await first.PutAsync(c.Row);
        var onlyA = IngressPolicy(1, new PolicyEntry(new PolicyKey(TrafficDirection.Ingress, a.Row.Identity, L4Protocol.Any, 0, 0), PolicyVerdict.Allow));
        await second.PutAsync(b.Row with { Policy = onlyA.Key }, onlyA);
        first.Learn(second, b);
        second.Learn(first, a, c);
        Assert.True(await HappensAsync(() => a.Pings(b.IPv4, 500)));
        Assert.True(a.Pings(b.IPv6));
        Assert.True(b.Pings(a.IPv4));
        Assert.False(c.Pings(b.IPv4, 300));
        using var server = TestNetwork.Serve(b.Namespace, b.IPv4, 80);
        Assert.Equal(a.IPv4.ToString(), TestNetwork.Ask(a.Namespace, b.IPv4, 80));
        Assert.Null(TestNetwork.Ask(c.Namespace, b.IPv4, 80, 300));
        Assert.Contains(second.Events.Snapshot(), e => e.Type == DatapathEventType.Drop && e.SourceIdentity == c.Row.Identity);
        // The node reaches the other node's pod, too, but for its policy.
        Assert.False(TestNetwork.Pings(first.Node, b.IPv4, 300));
        Assert.True(TestNetwork.Pings(second.Node, a.IPv4));
    }

    [Fact]
    public async Task Expired_connections_are_removed()
    {
        using var node = new TestNode();
        node.Options.ConntrackTimeoutAny = TimeSpan.FromSeconds(5);
        await node.StartAsync();
        TestPod a = node.AddPod(11), b = node.AddPod(12);
        await node.PutAsync(a.Row);
        await node.PutAsync(b.Row);
        Assert.True(a.Pings(b.IPv4));
        Assert.True(a.Pings(TestNode.WorldAddress));
        var inspection = new DatapathInspection(node.Datapath.Maps);
        Assert.NotEmpty(inspection.Conntrack());
        Assert.True(await HappensAsync(() => inspection.Conntrack().All(c => c.Key.Protocol != (byte)L4Protocol.Icmp)));
        Assert.True(await HappensAsync(() => !inspection.Translations().Any()));
    }

    [Fact]
    public async Task Pods_that_come_and_go_leave_nothing()
    {
        using var node = new TestNode();
        await node.StartAsync();
        var random = new Random(7);
        for (var round = 0; round < 4; round++)
        {
            var pods = Enumerable.Range(20, 12).Select(id => node.AddPod((ushort)id)).ToList();
            foreach (var pod in pods)
            {
                var policy = IngressPolicy(random.Next(1, 4), new PolicyEntry(new PolicyKey(TrafficDirection.Ingress, pod.Row.Identity, L4Protocol.Any, 0, 0), PolicyVerdict.Allow));
                await node.PutAsync(pod.Row with { Policy = policy.Key }, policy);
            }
            if (round % 2 == 1)
                await node.RestartAsync();
            node.Tables.Store.Write(write =>
            {
                foreach (var pod in pods)
                    write.Delete(node.Tables.Endpoints, pod.Row.Id);
                for (var key = 1; key < 4; key++)
                    write.Delete(node.Tables.Policies, new PolicyContentKey(key));
            });
            node.Tables.Endpoints.CompleteInitializer("test");
            Assert.True(await HappensAsync(() => !Directory.Exists(node.Options.BpfRoot + "/cilium/endpoints")
                || !Directory.EnumerateDirectories(node.Options.BpfRoot + "/cilium/endpoints").Any()));
            Assert.True(await HappensAsync(() => node.Datapath.Maps.Endpoints.ToDictionary().Values.All(row => row.PolicyId == 0)));
            Assert.True(await HappensAsync(() => node.Datapath.Maps.Devices.ToDictionary().Values.All(row => row == default)));
            Assert.True(await HappensAsync(() => node.Datapath.Maps.Policies.ReadIds().Keys.All(node.IsEmpty)));
            foreach (var pod in pods)
                pod.Dispose();
        }
    }

    [Fact]
    public async Task Other_nodes_give_routes_and_prefixes_that_go_with_them()
    {
        using var node = new TestNode();
        await node.StartAsync();
        var remote = new NodeRow { Name = "other", IPv4 = IpAddr.Parse("172.30.0.3"), PodPrefixes = EquatableArray.Create([Prefix.Parse("10.79.0.0/24"), Prefix.Parse("fd79::/64")]) };
        var range = new IpCacheRow { Prefix = Prefix.Parse("10.79.0.0/24"), Identity = Identity.World, TunnelEndpoint = remote.IPv4 };
        node.Tables.Store.Write(write =>
        {
            write.Upsert(node.Tables.Nodes, remote);
            write.Upsert(node.Tables.IpCache, range);
        });
        var wanted = IPNetwork.Parse("10.79.0.0/24");
        Assert.True(await HappensAsync(() => node.Netlink.Routes(table: Cilium.Netlink.Route.MainTable).Any(r => r.Destination == wanted && r.Mtu == 1450)));
        Assert.True(await HappensAsync(() => node.Netlink.Routes(table: Cilium.Netlink.Route.MainTable).Any(r => r.Destination == IPNetwork.Parse("fd79::/64"))));
        Assert.True(await HappensAsync(() => new DatapathInspection(node.Datapath.Maps).IpCache().Contains((range.Prefix, Identity.World, remote.IPv4))));
        node.Tables.Store.Write(write =>
        {
            write.Delete(node.Tables.Nodes, "other");
            write.Delete(node.Tables.IpCache, range.Prefix);
        });
        Assert.True(await HappensAsync(() => node.Netlink.Routes(table: Cilium.Netlink.Route.MainTable).All(r => r.Destination != wanted)));
        Assert.True(await HappensAsync(() => !new DatapathInspection(node.Datapath.Maps).IpCache().Any()));
    }

    [Fact]
    public async Task Without_a_tunnel_other_nodes_pods_are_routed_through_those_nodes_on_the_same_link()
    {
        using var node = new TestNode(configure: options =>
        {
            options.EnableTunnel = false;
            options.EnableDirectNodeRoutes = true;
            options.EnableEndpointRoutes = true;
        });
        await node.StartAsync();
        var near = new NodeRow { Name = "near", IPv4 = IpAddr.Parse("172.30.0.9"), PodPrefixes = EquatableArray.Create([Prefix.Parse("10.79.0.0/27")]) };
        var far = new NodeRow { Name = "far", IPv4 = IpAddr.Parse("192.0.2.9"), PodPrefixes = EquatableArray.Create([Prefix.Parse("10.80.0.0/27")]) };
        node.Tables.Store.Write(write =>
        {
            write.Upsert(node.Tables.Nodes, far);
            write.Upsert(node.Tables.Nodes, near);
        });
        var wanted = System.Net.IPNetwork.Parse("10.79.0.0/27");
        Assert.True(await HappensAsync(() => Routes(node).Any(route =>
            route.Destination == wanted && route is { Protocol: Cilium.Netlink.RouteProtocol.Kernel, Gateway: { } gateway } && gateway.ToString() == "172.30.0.9")));
        Assert.DoesNotContain(Routes(node), route => route.Destination == System.Net.IPNetwork.Parse("10.80.0.0/27"));
        Assert.DoesNotContain(Routes(node), route => route.Destination.BaseAddress.ToString() == node.Row.PodPrefixes[0].Address.ToString());
        Assert.Null(node.Netlink.FindLink("cilium_vxlan"));

        node.Tables.Store.Write(write => write.Upsert(node.Tables.Nodes, near with { PodPrefixes = EquatableArray.Create([Prefix.Parse("10.79.0.32/27")]) }));
        Assert.True(await HappensAsync(() => Routes(node).All(route => route.Destination != wanted)));
        Assert.Contains(Routes(node), route => route.Destination == System.Net.IPNetwork.Parse("10.79.0.32/27"));

        static List<Cilium.Netlink.Route> Routes(TestNode of) => of.Netlink.Routes(table: Cilium.Netlink.Route.MainTable);
    }

    private static PolicyRow IngressPolicy(long key, params PolicyEntry[] entries) =>
        new() { Key = new PolicyContentKey(key), IngressEnforced = true, EgressEnforced = false, Entries = entries.ToEquatableArray() };

    private static Task<bool> HappensAsync(Func<bool> condition) => TestNode.HappensAsync(condition);
}
