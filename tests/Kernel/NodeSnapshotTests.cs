using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Text.RegularExpressions;
using Cilium.Core;
using Cilium.Datapath;
using Cilium.Datapath.Events;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;
using Cilium.Kubernetes;
using Cilium.Netlink;
using Cilium.Simulation.Explaining;
using Cilium.Simulation.Snapshots;

namespace Cilium.KernelTests;

/// <summary>What a copy of the node says of a packet, and what the node does with it.</summary>
public sealed class NodeSnapshotTests
{
    [Fact]
    public async Task A_copy_of_the_node_agrees_with_it_and_leaves_it_alone()
    {
        // Connections that ended are not to be collected between the two looks at them.
        using var node = new TestNode(configure: options => options.ConntrackTimeoutTcpFin = TimeSpan.FromHours(1));
        await node.StartAsync();
        TestPod a = node.AddPod(11), b = node.AddPod(12), c = node.AddPod(13);
        foreach (var pod in new[] { a, b, c })
            await node.PutAsync(pod.Row);
        var policy = new PolicyRow
        {
            Key = new PolicyContentKey(1),
            IngressEnforced = true,
            EgressEnforced = false,
            Entries = [new PolicyEntry(new PolicyKey(TrafficDirection.Ingress, a.Row.Identity, L4Protocol.Tcp, 80, 16), PolicyVerdict.Allow)],
        };
        await node.PutAsync(b.Row with { Policy = policy.Key }, policy);
        var other = TestPod.RowOf(2, 20, 0);
        node.Tables.Store.Write(write =>
        {
            write.Upsert(node.Tables.Frontends, new FrontendRow
            {
                Address = new L4Address(IpAddr.Parse("10.96.0.10"), 8000, L4Protocol.Tcp),
                ServiceNamespace = "default",
                ServiceName = "web",
                Backends = [new BackendRef(new L4Address(b.Row.IPv4, 80, L4Protocol.Tcp), BackendState.Active)],
            });
            write.Upsert(node.Tables.IpCache, new Cilium.Datapath.IpCache.IpCacheRow { Prefix = Prefix.Of(other.IPv4), Identity = other.Identity, TunnelEndpoint = IpAddr.Parse("172.30.0.3") });
        });
        var far = PhysicalAddress.Parse("02-00-00-00-00-33");
        var underlay = node.Netlink.FindLink("und0")!;
        node.Netlink.ReplaceNeighbour(new Neighbour(underlay.Index, IPAddress.Parse("172.30.0.3"), far));
        using var server = TestNetwork.Serve(b.Namespace, b.IPv4, 80);
        using var closed = TestNetwork.Serve(b.Namespace, b.IPv4, 81);
        Assert.True(await TestNode.HappensAsync(() => TestNetwork.Ask(a.Namespace, IPAddress.Parse("10.96.0.10"), 8000, 500) is not null));
        var before = Connections(node);

        using (var copy = NodeSnapshot.Take(node.Options.BpfRoot, NodeNamespace.Other(node.Node), _ => null, id => $"pod {id}"))
        {
            // 1. Between pods of the node.
            var allowed = Explain(copy, a, b.Row.IPv4, 80);
            Assert.Equal((Outcome.Delivered, "endpoint 12"), (allowed.Outcome, allowed.Where));
            Assert.Equal(("pod 12", "ingress", "allowed"), Assert.Single(allowed.Decisions) is var d ? (d.Endpoint, d.Direction, d.Verdict) : default);
            foreach (var (from, port) in new[] { (a, (ushort)81), (c, (ushort)80) })
            {
                var denied = Explain(copy, from, b.Row.IPv4, port);
                Assert.Equal((Outcome.Dropped, 133), (denied.Outcome, denied.DropReason));
                Assert.Contains("drop(ctx", denied.SourceLine, StringComparison.Ordinal);
                Assert.Equal("denied by default", Assert.Single(denied.Decisions).Verdict);
            }

            // 2. A service, another node, the world.
            Assert.Equal("endpoint 12", Explain(copy, a, IpAddr.Parse("10.96.0.10"), 8000).Where);
            var tunnelled = Explain(copy, a, other.IPv4, 80);
            Assert.Equal("whoever is behind und0", tunnelled.Where);
            Assert.Equal(
                [
                    $"Ethernet {MacOf(underlay.Mac!)} -> {MacOf(far)}", "IPv4 172.30.0.2 -> 172.30.0.3", "UDP -> 8472", $"VXLAN identity {a.Row.Identity}",
                    "Ethernet", $"IPv4 {a.IPv4} -> {other.IPv4}", "TCP -> 80 SYN",
                ],
                WithoutChance(tunnelled.Packet!.Headers));
            Assert.Equal("node und0", tunnelled.Packet.Device);
            Assert.Equal("whoever is behind und0", Explain(copy, a, IpAddr.Parse("172.30.0.1"), 80).Where);

            // 3. From the node itself. That a node reaches its pods is the agent's doing, by an entry, which the second of these has not.
            var reached = copy.ExplainFromNode(a.Row.IPv4, FromNode(a, 80));
            Assert.Equal((Outcome.Delivered, "endpoint 11"), (reached.Outcome, reached.Where));
            var refused = copy.ExplainFromNode(b.Row.IPv4, FromNode(b, 80));
            Assert.Equal((Outcome.Dropped, 133), (refused.Outcome, refused.DropReason));

            // 4. A frame as it was captured on a pod's device: one with a foreign source.
            var frame = copy.ExplainFrame(TestPod.DeviceOf(13), Syn(c, a.IPv4, b.IPv4));
            Assert.Equal((Outcome.Dropped, 132), (frame.Outcome, frame.DropReason));
            Assert.Equal(133, copy.ExplainFrame(TestPod.DeviceOf(13), Syn(c, c.IPv4, b.IPv4)).DropReason);
            Assert.Throws<SnapshotException>(() => copy.ExplainFrame("nothing", Syn(c, c.IPv4, b.IPv4)));
        }

        // 5. The node has seen nothing of it, and does the same.
        Assert.Equal(before, Connections(node));
        Assert.DoesNotContain(node.Events.Snapshot(), e => e.Type == DatapathEventType.Drop);
        Assert.NotNull(TestNetwork.Ask(a.Namespace, b.IPv4, 80));
        Assert.Null(TestNetwork.Ask(a.Namespace, b.IPv4, 81, 300));
        Assert.Null(TestNetwork.Ask(c.Namespace, b.IPv4, 80, 300));
        Assert.Null(TestNetwork.Ask(node.Node, b.IPv4, 80, 300));
        Assert.True(await TestNode.HappensAsync(() => node.Events.Snapshot().Any(e => e.Type == DatapathEventType.Drop && e.SubType == 133 && e.SourceIdentity == c.Row.Identity)));
        Assert.NotNull(TestNetwork.Ask(a.Namespace, IPAddress.Parse("10.96.0.10"), 8000));
    }

    private static string MacOf(PhysicalAddress mac) => MacAddress.FromBytes(mac.GetAddressBytes()).ToString();

    // Source ports are chosen, and the inner Ethernet addresses are of no interest.
    private static List<string> WithoutChance(IReadOnlyList<string> headers) =>
        [.. headers.Select((header, i) => i > 0 && header.StartsWith("Ethernet", StringComparison.Ordinal) ? "Ethernet" : Regex.Replace(header, @"^(UDP|TCP) \d+ ", "$1 "))];

    private static Walk Explain(NodeSnapshot copy, TestPod from, IpAddr to, ushort port) =>
        copy.Explain(from.Row.Id, to, new Question(new NamespacedName("default", from.Row.Id.ToString()), to.ToString(), port, L4Protocol.Tcp));

    private static Question FromNode(TestPod to, ushort port) => new(new NamespacedName("default", "host"), to.Row.IPv4.ToString(), port, L4Protocol.Tcp);

    private static List<string> Connections(TestNode node) => [.. node.Datapath.Maps.Conntrack.ToDictionary().Keys.Select(key => key.ToString()).Order(StringComparer.Ordinal)];

    private static byte[] Syn(TestPod at, IPAddress source, IPAddress destination)
    {
        var frame = new byte[14 + 20 + 20];
        at.Row.HostMac.WriteBytes(frame);
        at.Row.PodMac.WriteBytes(frame.AsSpan(6));
        frame[12] = 0x08;
        var ip = frame.AsSpan(14);
        ip[0] = 0x45;
        ip[3] = 40;
        (ip[8], ip[9]) = (64, 6);
        source.TryWriteBytes(ip[12..], out _);
        destination.TryWriteBytes(ip[16..], out _);
        var sum = 0u;
        for (var i = 0; i < 20; i += 2)
            sum += BinaryPrimitives.ReadUInt16BigEndian(ip[i..]);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], (ushort)~((sum & 0xFFFF) + (sum >> 16)));
        BinaryPrimitives.WriteUInt16BigEndian(ip[20..], 45000);
        BinaryPrimitives.WriteUInt16BigEndian(ip[22..], 80);
        (ip[32], ip[33]) = (5 << 4, 2);
        return frame;
    }
}
