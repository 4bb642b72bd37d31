using Cilium.ControlPlane.Operator;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;
using FsCheck.Xunit;

namespace Cilium.ControlPlane.Tests.Operator;

public sealed class PodCidrAssignerTests
{
    [Fact]
    public void A_node_without_cidrs_gets_one_per_family_and_keeps_them()
    {
        var assigner = Assigner("10.0.0.0/16", 24, "fd00::/104", 120);
        var first = assigner.Decide(Node("a"));
        Assert.Equal("[10.0.0.0/24, fd00::/120]", first.PodCidrs.ToString());
        Assert.Equal("", first.Error);
        Assert.Equal(first, assigner.Decide(Node("a")));
        Assert.Equal(first, assigner.Decide(Node("a", "10.0.0.0/24", "fd00::/120")));
        Assert.Equal("[10.0.1.0/24, fd00::100/120]", assigner.Decide(Node("b")).PodCidrs.ToString());
    }

    [Fact]
    public void After_a_restart_nodes_keep_what_they_hold_before_anybody_gets_new_ones()
    {
        var assigner = Assigner("10.0.0.0/16", 24);
        var nodes = new[] { Node("new"), Node("old", "10.0.0.0/24") };
        assigner.Restore(nodes);
        Assert.Equal("[10.0.1.0/24]", assigner.Decide(nodes[0]).PodCidrs.ToString());
        Assert.Equal("[10.0.0.0/24]", assigner.Decide(nodes[1]).PodCidrs.ToString());
    }

    [Fact]
    public void Of_two_nodes_with_one_cidr_the_first_by_name_keeps_it_and_the_other_is_told()
    {
        var assigner = Assigner("10.0.0.0/16", 24);
        var nodes = new[] { Node("b", "10.0.0.0/24"), Node("a", "10.0.0.0/24") };
        assigner.Restore(nodes);
        Assert.Equal("", assigner.Decide(nodes[1]).Error);
        Assert.Equal("10.0.0.0/24 is in use by another node", assigner.Decide(nodes[0]).Error);
        Assert.Equal(["b"], assigner.Release("a"));
        Assert.Equal("", assigner.Decide(nodes[0]).Error);
    }

    [Fact]
    public void An_exhausted_pool_is_told_and_a_release_lets_the_waiting_try_again()
    {
        var assigner = Assigner("10.0.0.0/23", 24);
        assigner.Decide(Node("a"));
        assigner.Decide(Node("b"));
        var refused = assigner.Decide(Node("c"));
        Assert.Empty(refused.PodCidrs);
        Assert.Equal("allocator full: no /24 is free in the IPv4 pod CIDRs", refused.Error);
        Assert.Equal(["c"], assigner.Release("a"));
        Assert.Equal("[10.0.0.0/24]", assigner.Decide(Node("c")).PodCidrs.ToString());
    }

    [Fact]
    public void What_is_no_prefix_or_not_ours_stays_and_is_told()
    {
        var assigner = Assigner("10.0.0.0/16", 24);
        var node = Node("a", "192.168.0.0/24") with { InvalidPodCidrs = ["10.0.0.0"] };
        var decision = assigner.Decide(node);
        Assert.Equal(node.PodCidrs, decision.PodCidrs);
        Assert.Equal("'10.0.0.0' is not a CIDR prefix; 192.168.0.0/24 is not a /24 of the configured pod CIDRs", decision.Error);
    }

    [Fact]
    public void Nothing_is_given_from_a_cidr_of_another_size_that_a_node_uses()
    {
        var assigner = Assigner("10.0.0.0/23", 26);
        var old = Node("old", "10.0.0.0/24");
        assigner.Restore([old]);
        Assert.Equal("[10.0.1.0/26]", assigner.Decide(Node("a")).PodCidrs.ToString());
        assigner.Release("old");
        var rest = Enumerable.Range(0, 7).Select(i => Assert.Single(assigner.Decide(Node($"n{i}")).PodCidrs)).ToList();
        Assert.Equal(7, rest.Distinct().Count());
    }

    [Fact]
    public void A_node_whose_cidr_is_drained_gets_another_and_may_let_go_of_the_first()
    {
        var assigner = new PodCidrAssigner(new CidrPool([Prefix.Parse("10.1.0.0/16")], 24), null, [Prefix.Parse("10.0.0.0/16")]);
        var old = Node("a", "10.0.3.0/24");
        assigner.Restore([old]);
        var decision = assigner.Decide(old);
        Assert.Equal("[10.0.3.0/24, 10.1.0.0/24]", decision.PodCidrs.ToString());
        Assert.Equal("", decision.Error);
        Assert.Equal("[10.1.0.0/24]", assigner.Decide(Node("a", "10.1.0.0/24")).PodCidrs.ToString());
    }

    [Fact]
    public void A_cidr_that_was_seen_on_a_node_and_is_gone_is_free_and_those_who_wait_are_told()
    {
        var assigner = Assigner("10.0.0.0/24", 24);
        var holder = Node("a", "10.0.0.0/24") with { Uid = "1" };
        assigner.Restore([holder]);
        Assert.Empty(assigner.Decide(Node("b")).PodCidrs);

        // Made anew is not let go.
        Assert.Equal("[10.0.0.0/24]", assigner.Decide(Node("a") with { Uid = "2" }).PodCidrs.ToString());
        assigner.Decide(holder with { Uid = "2" });
        var decision = assigner.Decide(Node("a") with { Uid = "2" });
        Assert.Equal(["b"], decision.Retry);
    }

    [Property(MaxTest = 200)]
    public void No_two_living_nodes_ever_share_addresses(int seed)
    {
        var random = new Random(seed);
        var assigner = Assigner("10.0.0.0/26", 29, "fd00::/120", 124);
        var rows = new Dictionary<string, CiliumNodeRow>();
        for (var step = 0; step < 120; step++)
        {
            var name = $"n{random.Next(14)}";
            switch (random.Next(5))
            {
                case 0:
                    rows.Remove(name);
                    assigner.Release(name);
                    break;
                case 1:
                    // The operator dies: another starts from what is written.
                    assigner = Assigner("10.0.0.0/26", 29, "fd00::/120", 124);
                    assigner.Restore(rows.Values);
                    break;
                default:
                    var row = rows.GetValueOrDefault(name) ?? Node(name);
                    rows[name] = row with { PodCidrs = assigner.Decide(row).PodCidrs };
                    break;
            }

            var all = rows.Values.SelectMany(row => row.PodCidrs).ToList();
            Assert.All(all, cidr => Assert.Single(all, other => other.Overlaps(cidr)));
        }
    }

    private static PodCidrAssigner Assigner(string ipv4, int size4, string? ipv6 = null, int size6 = 0) => new(
        new CidrPool([Prefix.Parse(ipv4)], size4), ipv6 is null ? null : new CidrPool([Prefix.Parse(ipv6)], size6));

    private static CiliumNodeRow Node(string name, params string[] cidrs) =>
        new() { Name = name, PodCidrs = cidrs.Select(cidr => Prefix.Parse(cidr)).ToEquatableArray() };
}
