using System.Diagnostics;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>Who gets which backend: external traffic that stays local, sources that may come, clients that keep theirs.</summary>
public sealed class TrafficPolicyTests
{
    private const FrontendFlags Outside = FrontendFlags.LoadBalancer | FrontendFlags.Routable;

    [Theory, InlineData(4), InlineData(6)]
    public void Clients_outside_reach_only_backends_of_this_node_and_those_inside_all(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Tcp, Outside | FrontendFlags.ExternalLocal, (node.A, 8080), (node.C, 8080));
        node.ChangeService(node.Vip, 80, Frame.Tcp, value => value with { LocalCount = 1 });
        Assert.Equal([node.A], FromWorld(node, node.Vip));
        Assert.Equal(new HashSet<string> { node.A, node.C }, Inside(node));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Without_a_backend_here_clients_outside_hear_nothing_and_those_inside_are_served(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Tcp, Outside | FrontendFlags.ExternalLocal, (node.C, 8080));
        var outcome = node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.World, node.Vip, 50000, 80, Frame.Syn));
        outcome.WasDropped(DropReason.NoService);
        Assert.Equal([node.C], Inside(node));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_backend_here_that_goes_serves_clients_outside_while_others_serve_those_inside(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Tcp, Outside | FrontendFlags.ExternalLocal, (node.A, 8080), (node.C, 8080));
        node.ChangeService(node.Vip, 80, Frame.Tcp, value => value with { Count = 1, First = 1, LocalCount = 1 });
        Assert.Equal([node.A], FromWorld(node, node.Vip));
        Assert.Equal([node.C], Inside(node));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Only_sources_in_the_ranges_of_the_service_are_taken_from_outside(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Tcp, Outside | FrontendFlags.SourceRange, (node.A, 8080));
        var ranges = node.Bench.Map<SourceRangeKey, uint>("cilium_lb_source_ranges");
        var bits = family == 4 ? 96u + 24 : 64u;
        ranges.Update(new SourceRangeKey(32 + bits, Node.ServiceId + 1, Bench.Address(node.World)), 1);
        node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.World, node.Vip, 50000, 80, Frame.Syn)).WasDropped(DropReason.NotInSrcRange);
        ranges.Update(new SourceRangeKey(32 + bits, Node.ServiceId, Bench.Address(node.World)), 1);
        Assert.Equal([node.A], FromWorld(node, node.Vip));
        var stranger = family == 4 ? "198.51.100.1" : "2001:db8:1::1";
        node.Bench.Run("cil_from_netdev", Frame.TcpSegment(stranger, node.Vip, 50000, 80, Frame.Syn)).WasDropped(DropReason.NotInSrcRange);

        // Ranges are about the world: a pod is no client from outside.
        Assert.Equal([node.A], Inside(node));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_client_keeps_its_backend_until_it_was_idle_or_the_backend_is_none_any_more(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Tcp, Outside | FrontendFlags.Affinity, (node.A, 8080), (node.C, 8080));
        node.ChangeService(node.Vip, 80, Frame.Tcp, value => value with { AffinitySeconds = 10 });
        var members = node.Bench.Map<AffinityMember, uint>("cilium_lb_affinity_members");
        members.Update(new AffinityMember(Node.ServiceId, 500), 1);
        members.Update(new AffinityMember(Node.ServiceId, 501), 1);
        var first = Assert.Single(FromWorld(node, node.Vip));
        var affinity = node.Bench.Map<AffinityKey, AffinityValue>("cilium_lb_affinity");
        var (key, value) = Assert.Single(affinity.ToDictionary());
        Assert.Equal((Bench.Address(node.World), Node.ServiceId, 0u, first == node.A ? 500u : 501u), (key.Client, key.ServiceId, key.IsSocket, value.BackendId));

        // Each client has its own.
        var chosen = new HashSet<string>();
        for (var i = 1; i < 40; i++)
            chosen.Add(Frame.Destination(node.Bench.Run("cil_from_netdev", Frame.TcpSegment(family == 4 ? $"198.51.100.{i}" : $"2001:db8::{i}", node.Vip, 40000, 80, Frame.Syn)).Packet));
        Assert.Equal(2, chosen.Count);

        // Idle for longer than it may be: as if it came for the first time. The client is told by its last connection.
        chosen.Clear();
        for (ushort port = 20000; port < 20040; port++)
        {
            Assert.True(affinity.TryLookup(key, out value));
            affinity.Update(key, value with { LastUsed = value.LastUsed - 11 });
            chosen.Add(Frame.Destination(node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.World, node.Vip, port, 80, Frame.Syn)).Packet));
        }
        Assert.Equal(2, chosen.Count);

        // A backend that left the service is nobody's, although it exists.
        Assert.True(affinity.TryLookup(key, out value));
        members.Delete(new AffinityMember(Node.ServiceId, value.BackendId));
        node.Bench.Map<SlotKey, SlotValue>("cilium_lb_slots").Update(new SlotKey(Node.ServiceId, 0), SlotOf(node, value.BackendId == 500 ? 501u : 500u));
        node.ChangeService(node.Vip, 80, Frame.Tcp, service => service with { Count = 1 });
        Assert.Equal([value.BackendId == 500 ? node.C : node.A], FromWorld(node, node.Vip, 60000));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_pod_keeps_its_backend_by_its_packets_too(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Tcp, FrontendFlags.Affinity, (node.A, 8080), (node.C, 8080));
        node.ChangeService(node.Vip, 80, Frame.Tcp, value => value with { AffinitySeconds = 10 });
        foreach (var backend in new[] { 500u, 501u })
            node.Bench.Map<AffinityMember, uint>("cilium_lb_affinity_members").Update(new AffinityMember(Node.ServiceId, backend), 1);
        Assert.Single(Inside(node));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_client_outside_leaves_the_backend_it_kept_when_only_those_of_this_node_are_for_it(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Tcp, Outside | FrontendFlags.Affinity, (node.A, 8080), (node.C, 8080));
        node.ChangeService(node.Vip, 80, Frame.Tcp, value => value with { AffinitySeconds = 1000 });
        Admit(node, 500, AffinityClients.All);
        Admit(node, 501, AffinityClients.All);
        Keep(node, node.World, 501);
        Keep(node, node.B, 501);
        Assert.Equal([node.C], FromWorld(node, node.Vip, 50000));

        node.ChangeService(node.Vip, 80, Frame.Tcp, value => value with { Flags = (ushort)(Outside | FrontendFlags.Affinity | FrontendFlags.ExternalLocal), LocalCount = 1 });
        Admit(node, 501, AffinityClients.Inside);
        Assert.Equal([node.A], FromWorld(node, node.Vip, 51000));
        Assert.Equal([node.C], Inside(node));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void A_pod_leaves_the_backend_it_kept_when_that_goes_and_is_for_clients_outside_only(int family)
    {
        using var node = Node.WithEverything(family);
        node.AddService(node.Vip, 80, Frame.Tcp, Outside | FrontendFlags.Affinity | FrontendFlags.ExternalLocal, (node.A, 8080), (node.C, 8080));
        node.ChangeService(node.Vip, 80, Frame.Tcp, value => value with { AffinitySeconds = 1000, Count = 1, First = 1, LocalCount = 1 });
        Admit(node, 500, AffinityClients.Outside);
        Admit(node, 501, AffinityClients.Inside);
        Keep(node, node.B, 500);
        Keep(node, node.World, 500);
        Assert.Equal([node.C], Inside(node));
        Assert.Equal([node.A], FromWorld(node, node.Vip));
    }

    [Theory, InlineData(4), InlineData(6)]
    public void An_external_address_is_taken_over_from_packets_only_where_it_is_the_nodes_own(int family)
    {
        using var node = Node.WithEverything(family);
        var address = family == 4 ? "198.51.100.7" : "2001:db8:7::7";
        node.AddService(address, 53, Frame.Udp, FrontendFlags.ExternalIP | FrontendFlags.Routable, (node.C, 8080));
        Assert.Equal([address, address], Asked(40000));

        // From outside it comes here only where the network sends it here.
        Assert.Equal(node.C, Frame.Destination(node.Bench.Run("cil_from_netdev", Frame.UdpDatagram(node.World, address, 40000, 53)).Packet));
        node.Bench.Map<Addr128, EndpointRow>("cilium_lxc").Update(
            Bench.Address(address), new EndpointRow(1, 0, EndpointFlags.Present | EndpointFlags.Host, 0, 0, default, default, 0, default, default));
        Assert.Equal([node.C, node.C], Asked(40001));

        // By a pod and by the node.
        string[] Asked(ushort port)
        {
            Outcome[] outcomes =
            [
                node.FromB(Frame.UdpDatagram(node.B, address, port, 53)),
                node.Bench.Run("cil_to_netdev", Frame.UdpDatagram(node.Self, address, port, 53)),
            ];
            Assert.All(outcomes, outcome => Assert.True(outcome.Drop is null, $"dropped: {outcome.Drop?.Reason}"));
            return [.. outcomes.Select(outcome => Frame.Destination(outcome.Packet))];
        }
    }

    [Theory, InlineData(4), InlineData(6)]
    public void Without_the_socket_hooks_packets_for_an_external_address_are_all_that_is_asked(int family)
    {
        using var node = Node.WithEverything(family, constants: obj => obj.TrySetConstant("enable_socket_lb", [0]));
        var address = family == 4 ? "198.51.100.7" : "2001:db8:7::7";
        node.AddService(address, 53, Frame.Udp, FrontendFlags.ExternalIP | FrontendFlags.Routable, (node.C, 8080));
        Assert.Equal(node.C, Frame.Destination(node.FromB(Frame.UdpDatagram(node.B, address, 40000, 53)).Packet));
    }

    private static void Admit(Node node, uint backend, AffinityClients clients) =>
        node.Bench.Map<AffinityMember, uint>("cilium_lb_affinity_members").Update(new AffinityMember(Node.ServiceId, backend), (uint)clients);

    private static void Keep(Node node, string client, uint backend) => node.Bench.Map<AffinityKey, AffinityValue>("cilium_lb_affinity").Update(
        new AffinityKey(Bench.Address(client), Node.ServiceId, 0), new AffinityValue(backend, Now()));

    // A little before: the clock of the programs is a coarse one.
    private static uint Now() => (uint)(Stopwatch.GetTimestamp() / Stopwatch.Frequency) - 5;

    private static SlotValue SlotOf(Node node, uint backend)
    {
        Assert.True(node.Bench.Map<uint, BackendValue>("cilium_lb_backends").TryLookup(backend, out var value));
        return new SlotValue(backend, value.Address, value.Port, value.Protocol, 0);
    }

    // What left for a backend elsewhere is in the tunnel: the destination inside is the backend's.
    private static HashSet<string> FromWorld(Node node, string vip, ushort firstPort = 50000)
    {
        var chosen = new HashSet<string>();
        for (ushort port = 0; port < 40; port++)
        {
            var outcome = node.Bench.Run("cil_from_netdev", Frame.TcpSegment(node.World, vip, (ushort)(firstPort + port), 80, Frame.Syn));
            Assert.True(outcome.Drop is null, $"dropped: {outcome.Drop?.Reason}");
            chosen.Add(Frame.Destination(outcome.Packet));
        }
        return chosen;
    }

    private static HashSet<string> Inside(Node node)
    {
        var chosen = new HashSet<string>();
        for (ushort port = 30000; port < 30040; port++)
            chosen.Add(Frame.Destination(node.FromB(Frame.TcpSegment(node.B, node.Vip, port, 80, Frame.Syn)).Packet));
        return chosen;
    }
}
