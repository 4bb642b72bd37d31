using Cilium.ControlPlane.Addresses;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Datapath.IpCache;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Tests.Addresses;

public sealed class AddressDerivationTests
{
    private readonly TestTables _test = new();

    public AddressDerivationTests() => Book = new AddressBook(_test.Tables);

    private AddressBook Book { get; }

    [Fact]
    public async Task The_node_itself_is_host_and_the_rest_is_world()
    {
        await TestTables.RunUntilAsync(New(), () => _test.Datapath.IpCache.Count >= 3);
        Assert.Equal(Identity.Host, Row("172.18.0.2/32").Identity);
        Assert.Equal(Identity.Host, Row("10.0.0.1/32").Identity);
        Assert.Equal(Identity.World, Row("0.0.0.0/0").Identity);
    }

    [Fact]
    public async Task In_dual_stack_each_family_has_its_world()
    {
        _test.Options.Datapath.EnableIPv6 = true;
        await TestTables.RunUntilAsync(New(), () => _test.Datapath.IpCache.Count >= 4);
        Assert.Equal(Identity.WorldIPv4, Row("0.0.0.0/0").Identity);
        Assert.Equal(Identity.WorldIPv6, Row("::/0").Identity);
    }

    [Fact]
    public async Task Another_nodes_pods_are_behind_its_address()
    {
        _test.Write(write =>
        {
            write.Upsert(_test.Kubernetes.CiliumNodes, Node("node-b", "172.18.0.3", "10.0.1.1", "10.0.1.0/24"));
            write.Upsert(_test.Kubernetes.CiliumEndpoints, Pod("pod-b", 400, "10.0.1.7", "172.18.0.3"));
        });
        await TestTables.RunUntilAsync(New(), () => _test.Datapath.IpCache.Count >= 7);
        var node = IpAddr.Parse("172.18.0.3");
        Assert.Equal(new IpCacheRow { Prefix = Prefix.Parse("10.0.1.7/32"), Identity = new Identity(400), TunnelEndpoint = node }, Row("10.0.1.7/32"));
        Assert.Equal(new IpCacheRow { Prefix = Prefix.Parse("10.0.1.0/24"), Identity = Identity.Unknown, TunnelEndpoint = node }, Row("10.0.1.0/24"));
        Assert.Equal(new IpCacheRow { Prefix = Prefix.Parse("10.0.1.1/32"), Identity = Identity.RemoteNode, TunnelEndpoint = node }, Row("10.0.1.1/32"));
        Assert.Equal(new IpCacheRow { Prefix = Prefix.Parse("172.18.0.3/32"), Identity = Identity.RemoteNode }, Row("172.18.0.3/32"));
    }

    [Fact]
    public async Task Our_own_endpoint_beats_what_objects_say_and_goes_with_it()
    {
        _test.Write(write =>
        {
            write.Upsert(_test.Kubernetes.CiliumEndpoints, Pod("old", 400, "10.0.0.7", "172.18.0.3"));
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "pod-a", "10.0.0.7"));
            write.Upsert(_test.Tables.EndpointIdentities, new EndpointIdentityRow { Id = new EndpointId(1), Identity = new Identity(300), Labels = TestTables.LabelsOf("a") });
        });
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.IpCache.TryGet(Prefix.Parse("10.0.0.7/32"), out var row) && row.Identity.Value == 300);
        Assert.True(Row("10.0.0.7/32").TunnelEndpoint.IsNone);
        _test.Write(write => write.Delete(_test.Tables.Endpoints, new EndpointId(1)));
        await TestTables.UntilAsync(running, () => Row("10.0.0.7/32").Identity.Value == 400);
        _test.Write(write => write.Delete(_test.Kubernetes.CiliumEndpoints, new NamespacedName("default", "old")));
        await TestTables.UntilAsync(running, () => !_test.Datapath.IpCache.TryGet(Prefix.Parse("10.0.0.7/32"), out _));
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task An_address_of_the_api_server_is_more_than_a_nodes()
    {
        var prefix = Prefix.Parse("172.18.0.3/32");
        _test.Write(write =>
        {
            write.Upsert(_test.Kubernetes.CiliumNodes, Node("node-b", "172.18.0.3", "10.0.1.1", "10.0.1.0/24"));
            Book.Change(write, claims => claims.Set(AddressSource.KubeApiServer, "", new IpCacheRow { Prefix = prefix, Identity = Identity.KubeApiServer }));
        });
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.IpCache.TryGet(prefix, out var row) && row.Identity == Identity.KubeApiServer);
        _test.Write(write => Book.Change(write, claims => claims.Set(AddressSource.KubeApiServer, "")));
        await TestTables.UntilAsync(running, () => Row("172.18.0.3/32").Identity == Identity.RemoteNode);
        await TestTables.EndAsync(stop, running);
    }

    /// <summary>The deletion of the pod that had the address before may come late.</summary>
    [Theory]
    [InlineData("pod-a", "pod-b")]
    [InlineData("pod-b", "pod-a")]
    public async Task Of_two_pods_with_one_address_the_one_created_later_is_believed(string older, string newer)
    {
        var began = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        _test.Write(write =>
        {
            write.Upsert(_test.Kubernetes.CiliumEndpoints, Pod(older, 400, "10.0.1.7", "172.18.0.3") with { Uid = "1", CreatedAt = began });
            write.Upsert(_test.Kubernetes.CiliumEndpoints, Pod(newer, 500, "10.0.1.7", "172.18.0.4") with { Uid = "2", CreatedAt = began.AddSeconds(5) });
        });
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => IdentityAt("10.0.1.7/32") > 0);
        Assert.Equal(500u, IdentityAt("10.0.1.7/32"));

        // The object is made anew: what the former said goes with it.
        _test.Write(write => write.Upsert(
            _test.Kubernetes.CiliumEndpoints, Pod(older, 600, "10.0.1.7", "172.18.0.3") with { Uid = "3", CreatedAt = began.AddSeconds(9) }));
        await TestTables.UntilAsync(running, () => IdentityAt("10.0.1.7/32") == 600);
        _test.Write(write => write.Delete(_test.Kubernetes.CiliumEndpoints, new NamespacedName("default", older)));
        await TestTables.UntilAsync(running, () => IdentityAt("10.0.1.7/32") == 500);
        _test.Write(write => write.Delete(_test.Kubernetes.CiliumEndpoints, new NamespacedName("default", newer)));
        await TestTables.UntilAsync(running, () => IdentityAt("10.0.1.7/32") == 0);
        await TestTables.EndAsync(stop, running);
    }

    private uint IdentityAt(string prefix) => _test.Datapath.IpCache.TryGet(Prefix.Parse(prefix), out var row) ? row.Identity.Value : 0;

    private IpCacheRow Row(string prefix)
    {
        Assert.True(_test.Datapath.IpCache.TryGet(Prefix.Parse(prefix), out var row), prefix);
        return row;
    }

    private AddressDerivation New() => new(_test.Tables, _test.Options, _test.Self, Book, TimeProvider.System);

    private static CiliumNodeRow Node(string name, string address, string router, string range) => new()
    {
        Name = name,
        Addresses = [new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse(address)), new NodeAddress(NodeAddress.CiliumInternalIP, IpAddr.Parse(router))],
        PodCidrs = [Prefix.Parse(range)],
    };

    private static CiliumEndpointRow Pod(string name, uint identity, string address, string node) => new()
    {
        Namespace = "default",
        Name = name,
        Identity = new Identity(identity),
        Addresses = [IpAddr.Parse(address)],
        NodeIP = IpAddr.Parse(node),
    };
}
