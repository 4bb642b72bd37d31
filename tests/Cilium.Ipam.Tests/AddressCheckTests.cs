using Cilium.Core;

namespace Cilium.Ipam.Tests;

public sealed class AddressCheckTests
{
    private static readonly PoolDefinition s_pool = new("default", new PoolFamily([Prefix.Parse("10.0.0.0/24")], 28), null);

    [Fact]
    public void A_cluster_in_order_has_no_findings()
    {
        var cluster = Cluster([Node("a", "10.0.0.0/28"), Node("b", "10.0.0.16/28")]) with
        {
            Pods = [Pod("x", "a", "10.0.0.1"), Pod("y", "b", "10.0.0.17"), Pod("waiting", "b")],
            Endpoints = [new EndpointAddressing("default/x", [IpAddr.Parse("10.0.0.1")])],
        };
        Assert.Empty(AddressCheck.Find(cluster));
    }

    [Fact]
    public void Two_pods_with_one_address_are_found_and_pods_that_are_going_are_not()
    {
        var cluster = Cluster([Node("a", "10.0.0.0/28")]) with { Pods = [Pod("x", "a", "10.0.0.1"), Pod("y", "a", "10.0.0.1")] };
        var finding = Assert.Single(AddressCheck.Find(cluster));
        Assert.Equal((AddressFault.SharedAddress, "10.0.0.1", AddressRepair.None), (finding.Fault, finding.Subject, finding.Repair));
        Assert.Contains("default/x and default/y", finding.Text, StringComparison.Ordinal);
        Assert.Empty(AddressCheck.Find(cluster with { Pods = [cluster.Pods[0], cluster.Pods[1] with { HoldsAddresses = false }] }));
    }

    [Fact]
    public void A_pod_with_its_nodes_own_address_is_found()
    {
        var router = Node("a", "10.0.0.0/28") with { Own = new Dictionary<IpAddr, string> { [IpAddr.Parse("10.0.0.1")] = AddressOwners.Router } };
        var finding = Assert.Single(AddressCheck.Find(Cluster([router]) with { Pods = [Pod("x", "a", "10.0.0.1")] }));
        Assert.Contains("default/x and router of a", finding.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_that_its_node_does_not_hold_is_foreign()
    {
        var finding = Assert.Single(AddressCheck.Find(Cluster([Node("a", "10.0.0.0/28")]) with { Pods = [Pod("x", "a", "10.0.0.20")] }));
        Assert.Equal((AddressFault.ForeignAddress, "default/x"), (finding.Fault, finding.Holder));
        var lost = Assert.Single(AddressCheck.Find(Cluster([]) with { Pods = [Pod("x", "a", "10.0.0.20")] }));
        Assert.Contains("no CiliumNode", lost.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void An_endpoint_without_pod_is_leaked_and_one_that_differs_is_told()
    {
        var cluster = Cluster([Node("a", "10.0.0.0/28")]) with
        {
            Pods = [Pod("x", "a", "10.0.0.1")],
            Endpoints = [new EndpointAddressing("default/x", [IpAddr.Parse("10.0.0.2")]), new EndpointAddressing("default/gone", [IpAddr.Parse("10.0.0.3")])],
        };
        var findings = AddressCheck.Find(cluster);
        Assert.Equal([AddressFault.LeakedAddress, AddressFault.DifferingAddress], findings.Select(finding => finding.Fault));
        Assert.Equal((AddressRepair.DeleteEndpoint, "default/gone"), (findings[0].Repair, findings[0].Holder));
    }

    [Fact]
    public void Of_two_nodes_with_one_cidr_the_one_that_does_not_use_it_can_lose_it()
    {
        var cluster = Cluster([Node("a", "10.0.0.0/28"), Node("b", "10.0.0.0/28")]) with { Pods = [Pod("x", "b", "10.0.0.1")] };
        var finding = Assert.Single(AddressCheck.Find(cluster));
        Assert.Equal((AddressFault.SharedCidr, "a", AddressRepair.RemoveCidr, Prefix.Parse("10.0.0.0/28")), (finding.Fault, finding.Holder, finding.Repair, finding.Cidr));
        var both = Assert.Single(AddressCheck.Find(cluster with { Pods = [.. cluster.Pods, Pod("y", "a", "10.0.0.2")] }));
        Assert.Equal(AddressRepair.None, both.Repair);
    }

    [Fact]
    public void A_cidr_outside_its_pool_is_let_go_when_empty_and_drained_while_it_is_not()
    {
        var cluster = Cluster([Node("a", "10.9.0.0/28")]);
        var finding = Assert.Single(AddressCheck.Find(cluster));
        Assert.Equal((AddressFault.ForeignCidr, AddressRepair.RemoveCidr), (finding.Fault, finding.Repair));
        var pods = new[] { Pod("x", "a", "10.9.0.1") };
        Assert.Empty(AddressCheck.Find(cluster with { Pods = pods }));
        Assert.Equal(AddressRepair.None, Assert.Single(AddressCheck.Find(cluster with { Mode = "cluster-pool", Pods = pods })).Repair);
        Assert.Empty(AddressCheck.Find(cluster with { Mode = "cluster-pool", Pods = pods, DrainedCidrs = [Prefix.Parse("10.9.0.0/24")] }));
        Assert.Contains("pool other, which does not exist", Assert.Single(AddressCheck.Find(Cluster([Node("a", "10.0.0.0/28", "other")]))).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_outlived_its_node_can_be_deleted_unless_pods_are_bound_to_it()
    {
        var cluster = Cluster([Node("a", "10.0.0.0/28") with { HasNode = false }]);
        Assert.Equal((AddressFault.LeakedCidr, AddressRepair.DeleteNode), Assert.Single(AddressCheck.Find(cluster)) is var finding ? (finding.Fault, finding.Repair) : default);
        Assert.Equal(AddressRepair.None, Assert.Single(AddressCheck.Find(cluster with { Pods = [Pod("x", "a", "10.0.0.1")] })).Repair);
    }

    [Fact]
    public void In_mode_kubernetes_nodes_hold_what_Kubernetes_gives()
    {
        var node = Node("a", "10.244.1.0/24") with { Granted = [Prefix.Parse("10.244.2.0/24")] };
        var finding = Assert.Single(AddressCheck.Find(new ClusterAddresses { Mode = "kubernetes", Nodes = [node] }));
        Assert.Equal((AddressFault.ForeignCidr, AddressRepair.None), (finding.Fault, finding.Repair));
        Assert.Empty(AddressCheck.Find(new ClusterAddresses { Mode = "kubernetes", Nodes = [node with { Granted = node.Held[0].Cidrs }] }));
    }

    [Theory, InlineData("crd"), InlineData("eni")]
    public void In_mode_crd_addresses_come_from_lists(string mode)
    {
        var (one, two) = (IpAddr.Parse("10.0.0.1"), IpAddr.Parse("10.0.0.2"));
        var a = new NodeAddressing("a") { Listed = [one, two], Used = new Dictionary<IpAddr, string> { [one] = "default/x", [two] = "default/gone" } };
        var cluster = new ClusterAddresses { Mode = mode, Nodes = [a, new NodeAddressing("b") { Listed = [two] }], Pods = [Pod("x", "a", "10.0.0.1"), Pod("y", "b", "10.0.0.3")] };
        Assert.Equal(
            [AddressFault.ForeignAddress, AddressFault.LeakedAddress, AddressFault.SharedCidr], AddressCheck.Find(cluster).Select(finding => finding.Fault));
    }

    [Fact]
    public void Only_what_stays_wrong_is_told()
    {
        var before = AddressCheck.Find(Cluster([Node("a", "10.9.0.0/28"), Node("b", "10.8.0.0/28")]));
        var after = AddressCheck.Find(Cluster([Node("a", "10.9.0.0/28"), Node("b", "10.7.0.0/28")]));
        Assert.Equal("a", Assert.Single(AddressCheck.Persisting(before, after)).Holder);
    }

    internal static ClusterAddresses Cluster(IReadOnlyList<NodeAddressing> nodes) => new() { Mode = "multi-pool", Nodes = nodes, Pools = [s_pool] };

    internal static NodeAddressing Node(string name, string cidr, string pool = "default") => new(name) { Held = [new PoolCidrs(pool, [Prefix.Parse(cidr)])] };

    internal static PodAddressing Pod(string name, string node, params string[] addresses) => new($"default/{name}", node, [.. addresses.Select(IpAddr.Parse)]);
}
