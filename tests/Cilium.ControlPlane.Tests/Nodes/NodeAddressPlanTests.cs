using Cilium.ControlPlane.Nodes;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Tests.Nodes;

public sealed class NodeAddressPlanTests
{
    private static readonly KubeNodeRow s_node = new()
    {
        Name = "node-a",
        Addresses = [new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("172.18.0.2"))],
        PodCidrs = [Prefix.Parse("10.244.1.0/24")],
    };

    private readonly TestTables _test = new();
    private readonly NodeIpam _ipam = new(true, false);

    [Fact]
    public void Ranges_come_from_whoever_gives_them_in_the_mode()
    {
        _test.Write(write => write.Upsert(_test.Kubernetes.Nodes, s_node));
        Assert.Null(New().PodRanges());
        _test.Options.Ipam = "kubernetes";
        Assert.Equal([Prefix.Parse("10.244.1.0/24")], New().PodRanges());
        _test.Options.Ipam = "cluster-pool";
        _test.Write(write => write.Upsert(
            _test.Kubernetes.CiliumNodes, new CiliumNodeRow { Name = "node-a", PodCidrs = [Prefix.Parse("10.0.7.0/24"), Prefix.Parse("fd00::/120")] }));
        Assert.Equal([Prefix.Parse("10.0.7.0/24")], New().PodRanges());
        _test.Options.Datapath.EnableIPv6 = true;
        Assert.Equal(2, New().PodRanges()!.Count);
    }

    [Fact]
    public void With_pools_the_default_pool_must_have_a_cidr_of_each_family()
    {
        var pools = new MultiPoolIpam(true, false);
        var plan = new NodeAddressPlan(_test.Tables, _test.Options, pools, new OneDevice(""));
        Assert.Null(plan.TakeRanges());
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, new CiliumNodeRow { Name = "node-a", AllocatedPools = [new PoolCidrs("other", [Prefix.Parse("10.20.0.0/27")])] }));
        Assert.Null(plan.TakeRanges());
        var allocated = EquatableArray.Create([new PoolCidrs("other", [Prefix.Parse("10.20.0.0/27")]), new PoolCidrs("default", [Prefix.Parse("10.10.0.0/27")])]);
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, new CiliumNodeRow { Name = "node-a", AllocatedPools = allocated }));
        Assert.Equal(2, plan.TakeRanges()!.Count);
        Assert.True(Prefix.Parse("10.10.0.0/27").Contains(plan.Complete(s_node, []).RouterIPv4));
    }

    [Fact]
    public void With_a_list_an_address_marked_for_release_can_still_be_restored()
    {
        var listed = new ListedIpam(true, false);
        var plan = new NodeAddressPlan(_test.Tables, _test.Options, listed, new OneDevice(""));
        Assert.Null(plan.TakeRanges());
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, new CiliumNodeRow
        {
            Name = "node-a",
            PoolAddresses = StringMap.Create([KeyValuePair.Create("10.0.0.1", "eni-1"), KeyValuePair.Create("10.0.0.2", ""), KeyValuePair.Create("10.0.0.3", "")]),
            ReleaseAddresses = StringMap.Create([KeyValuePair.Create("10.0.0.1", ReleaseStates.Marked), KeyValuePair.Create("10.0.0.2", ReleaseStates.Ready)]),
        }));
        Assert.NotNull(plan.TakeRanges());
        Assert.True(listed.Allocate(IpAddr.Parse("10.0.0.1"), "default/a").IsOk);
        Assert.Equal(IpAddr.Parse("10.0.0.3"), plan.Complete(s_node, []).RouterIPv4);
    }

    [Fact]
    public void The_routers_address_survives_as_long_as_it_fits()
    {
        _ipam.SetPodCidrs([Prefix.Parse("10.0.7.0/24")]);
        Assert.Equal(IpAddr.Parse("10.0.7.77"), New("10.0.7.77").Complete(s_node, [Prefix.Parse("10.0.7.0/24")]).RouterIPv4);
        Assert.Equal("router", Assert.Single(_ipam.Snapshot()).Owner);
    }

    [Fact]
    public void An_address_of_another_range_is_not_kept()
    {
        _ipam.SetPodCidrs([Prefix.Parse("10.0.7.0/24")]);
        var self = New("10.9.9.9").Complete(s_node, [Prefix.Parse("10.0.7.0/24")]);
        Assert.True(Prefix.Parse("10.0.7.0/24").Contains(self.RouterIPv4));
        Assert.Equal(IpAddr.Parse("172.18.0.2"), self.IPv4);
        Assert.True(self.RouterIPv6.IsNone);
    }

    [Fact]
    public void A_drained_range_keeps_the_router_only_while_pods_know_it_and_goes_when_it_is_empty()
    {
        var (old, next) = (Prefix.Parse("10.0.7.0/24"), Prefix.Parse("10.1.0.0/24"));
        _test.Options.Ipam = "cluster-pool";
        _test.Options.DrainedPodCidrs = [Prefix.Parse("10.0.0.0/16")];
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, new CiliumNodeRow { Name = "node-a", PodCidrs = [old] }));
        Assert.Null(New().TakeRanges());
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, new CiliumNodeRow { Name = "node-a", PodCidrs = [old, next] }));
        Assert.Equal([old, next], New().TakeRanges());

        Assert.True(_ipam.Allocate(IpAddr.Parse("10.0.7.9"), "default/restored").IsOk);
        var self = New("10.0.7.77").Complete(s_node, [old, next]);
        Assert.Equal(IpAddr.Parse("10.0.7.77"), self.RouterIPv4);
        Assert.Equal([old, next], self.PodPrefixes);
        Assert.True(next.Contains(_ipam.Allocate("default/new").IPv4!.Value.Address));

        _ipam.ReleaseAllOf("default/restored");
        _ipam.ReleaseAllOf("default/new");
        _ipam.ReleaseAllOf("router");
        New().TakeRanges();
        var empty = New("10.0.7.77").Complete(s_node, [old, next]);
        Assert.True(next.Contains(empty.RouterIPv4));
        Assert.Equal([next], empty.PodPrefixes);
    }

    [Fact]
    public void A_full_range_has_no_router()
    {
        _ipam.SetPodCidrs([Prefix.Parse("10.0.7.0/30")]);
        _ipam.Allocate("default/a");
        _ipam.Allocate("default/b");
        Assert.Contains("router", Assert.Throws<InvalidOperationException>(() => New().Complete(s_node, [])).Message, StringComparison.Ordinal);
    }

    private NodeAddressPlan New(string former = "") => new(_test.Tables, _test.Options, _ipam, new OneDevice(former));

    private sealed class OneDevice(string address) : ILocalDevices
    {
        public IReadOnlyDictionary<int, string> All() => new Dictionary<int, string>();

        public string? DeviceOf(IpAddr wanted) => null;

        public IReadOnlyList<IpAddr> AddressesOf(string name) => address.Length > 0 && name == "cilium_host" ? [IpAddr.Parse(address)] : [];
    }
}
