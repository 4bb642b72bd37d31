using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Observation;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Nodes;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Serving;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Tests.Observation;

public sealed class HubbleIndexDerivationTests : IAsyncDisposable
{
    private static readonly IpAddr s_address = IpAddr.Parse("10.0.1.7");
    private static readonly IpAddr s_dns = IpAddr.Parse("10.96.0.10");

    private const ulong NodeCookie = 4711;

    private readonly TestTables _test = new();
    private readonly HubbleIndex _index = new();
    private readonly PeerDirectory _peers = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly PolicyEngine _policies;
    private readonly Task _running;

    public HubbleIndexDerivationTests()
    {
        _policies = new PolicyEngine(new PolicyOptions { Cluster = _test.Options.Cluster });
        _running = new HubbleIndexDerivation(_test.Tables, _test.Options, _policies, _index, _peers, NodeCookie, TimeProvider.System).RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await TestTables.EndAsync(_stop, _running);
        _stop.Dispose();
    }

    [Fact]
    public async Task An_address_keeps_the_name_of_its_new_pod_when_the_former_ones_object_goes()
    {
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumEndpoints, Pod("a", 400)));
        await UntilAsync(() => NameAt(s_address) == "a");
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumEndpoints, Pod("b", 401)));
        await UntilAsync(() => NameAt(s_address) == "b");
        _test.Write(write => write.Delete(_test.Kubernetes.CiliumEndpoints, new NamespacedName("default", "a")));
        await SettleAsync();
        Assert.Equal("b", NameAt(s_address));
        _test.Write(write => write.Delete(_test.Kubernetes.CiliumEndpoints, new NamespacedName("default", "b")));
        await UntilAsync(() => NameAt(s_address) is null);
    }

    [Fact]
    public async Task An_address_keeps_the_name_of_its_new_endpoint_when_the_former_one_goes()
    {
        _test.Write(write => write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "a", "10.0.0.7")));
        await UntilAsync(() => NameAt(IpAddr.Parse("10.0.0.7")) == "a");
        _test.Write(write => write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(2, "b", "10.0.0.7")));
        await UntilAsync(() => NameAt(IpAddr.Parse("10.0.0.7")) == "b");
        _test.Write(write => write.Delete(_test.Tables.Endpoints, new EndpointId(1)));
        await SettleAsync();
        Assert.Equal("b", NameAt(IpAddr.Parse("10.0.0.7")));
        _test.Write(write => write.Delete(_test.Tables.Endpoints, new EndpointId(2)));
        await UntilAsync(() => NameAt(IpAddr.Parse("10.0.0.7")) is null);
    }

    [Fact]
    public async Task A_service_keeps_its_name_while_one_protocol_of_a_port_is_left()
    {
        _test.Write(write =>
        {
            write.Upsert(_test.Datapath.Frontends, Frontend(L4Protocol.Tcp, "kube-dns"));
            write.Upsert(_test.Datapath.Frontends, Frontend(L4Protocol.Udp, "kube-dns"));
        });
        await UntilAsync(() => ServiceAt(53) == "kube-dns");
        _test.Write(write => write.Delete(_test.Datapath.Frontends, new L4Address(s_dns, 53, L4Protocol.Tcp)));
        await SettleAsync();
        Assert.Equal("kube-dns", ServiceAt(53));
        _test.Write(write => write.Delete(_test.Datapath.Frontends, new L4Address(s_dns, 53, L4Protocol.Udp)));
        await UntilAsync(() => ServiceAt(53) is null);
    }

    [Fact]
    public async Task A_port_takes_the_name_of_the_service_that_is_left_on_it()
    {
        _test.Write(write => write.Upsert(_test.Datapath.Frontends, Frontend(L4Protocol.Udp, "dns-udp")));
        await UntilAsync(() => ServiceAt(53) == "dns-udp");
        _test.Write(write => write.Upsert(_test.Datapath.Frontends, Frontend(L4Protocol.Tcp, "dns-tcp")));
        await UntilAsync(() => ServiceAt(53) == "dns-tcp");
        _test.Write(write => write.Delete(_test.Datapath.Frontends, new L4Address(s_dns, 53, L4Protocol.Tcp)));
        await UntilAsync(() => ServiceAt(53) == "dns-udp");
    }

    [Fact]
    public async Task Labels_go_with_their_identity_unless_an_endpoint_of_the_node_still_has_it()
    {
        CiliumIdentityRow IdentityOf(uint id) => new() { Id = new Identity(id), Labels = TestTables.LabelsOf($"app-{id}") };
        bool Knows(uint id) => _index.Current.LabelsOf(new Identity(id)).Length > 0;
        _test.Write(write =>
        {
            write.Upsert(_test.Kubernetes.CiliumIdentities, IdentityOf(400));
            write.Upsert(_test.Kubernetes.CiliumIdentities, IdentityOf(401));
            write.Upsert(_test.Tables.EndpointIdentities, new EndpointIdentityRow { Id = new EndpointId(1), Identity = new Identity(401), Labels = TestTables.LabelsOf("app-401") });
        });
        await UntilAsync(() => Knows(400) && Knows(401));
        _test.Write(write =>
        {
            write.Delete(_test.Kubernetes.CiliumIdentities, new Identity(400));
            write.Delete(_test.Kubernetes.CiliumIdentities, new Identity(401));
        });
        await UntilAsync(() => !Knows(400));
        Assert.True(Knows(401));
    }

    [Theory]
    [InlineData(true, "")]
    [InlineData(false, "node-b-example-com.default.hubble-grpc.cilium.io")]
    public async Task A_peer_is_told_with_the_name_in_its_certificate(bool disableTls, string expected)
    {
        _test.Options.HubbleDisableTls = disableTls;
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, new CiliumNodeRow
        {
            Name = "node-b.example.com",
            Addresses = [new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("172.18.0.3"))],
        }));
        await UntilAsync(() => !_peers.Current.IsEmpty);
        Assert.Equal(new HubblePeer("node-b.example.com", "172.18.0.3:4244", expected), Assert.Single(_peers.Current.Values));
    }

    [Fact]
    public async Task The_node_has_its_labels_and_its_processes_an_address()
    {
        _test.Write(write =>
        {
            write.Upsert(_test.Kubernetes.Nodes, new KubeNodeRow { Name = "another", Labels = StringMap.Create([new("zone", "b")]) });
            write.Upsert(_test.Kubernetes.Nodes, new KubeNodeRow { Name = _test.Options.NodeName, Labels = StringMap.Create([new("zone", "a"), new("os", "linux")]) });
            write.Upsert(_test.Tables.LocalNode, new LocalNodeRow { Name = _test.Options.NodeName, IPv4 = IpAddr.Parse("172.18.0.2") });
        });
        await UntilAsync(() => _index.Current.NodeLabels.Length > 0 && _index.Current.Namespaces.ContainsKey(NodeCookie));

        Assert.Equal(["os=linux", "zone=a"], _index.Current.NodeLabels);
        Assert.Equal(new HubbleNamespace(IpAddr.Parse("172.18.0.2"), IpAddr.None), _index.Current.Namespaces[NodeCookie]);
    }

    [Fact]
    public async Task Labels_of_a_prefix_go_with_it()
    {
        var identity = new Identity(Identity.LocalScope + 1);
        var prefix = Prefix.Parse("198.51.100.0/24");
        _policies.UpsertIdentity(identity, LabelSet.Parse("cidr:198.51.100.0/24", "reserved:world"));
        _test.Write(write => write.Upsert(_test.Datapath.IpCache, new IpCacheRow { Prefix = prefix, Identity = identity }));
        await UntilAsync(() => _index.Current.LabelsOf(identity).Contains("cidr:198.51.100.0/24"));
        var before = _index.Current;
        _test.Write(write => write.Delete(_test.Datapath.IpCache, prefix));
        await UntilAsync(() => _index.Current.IdentityOf(IpAddr.Parse("198.51.100.7")) != identity);
        Assert.Empty(_index.Current.LabelsOf(identity));
        Assert.Contains("cidr:198.51.100.0/24", before.LabelsOf(identity));
    }

    [Fact]
    public async Task Verdicts_on_an_endpoint_are_named_after_the_objects_that_gave_them()
    {
        var id = new EndpointId(1);
        var labels = TestTables.LabelsOf("web");
        _test.Write(write =>
        {
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "web", "10.0.0.7"));
            write.Upsert(_test.Tables.EndpointIdentities, new EndpointIdentityRow { Id = id, Identity = new Identity(401), Labels = labels });
        });
        _policies.AddSubject(new PolicySubject(labels));
        Allow("a", "client");
        _policies.Commit();
        await UntilAsync(() => _index.Current.Policies.ContainsKey(id));
        var first = _index.Current.Policies[id];
        var verdict = new HubbleVerdict(
            TrafficDirection.Ingress, new Identity(500), [.. TestTables.LabelsOf("client").Select(label => label.ToString())], L4Protocol.Tcp, 80, IsDenied: false);
        var named = Assert.Single(first.Behind(verdict));
        Assert.Equal(("CiliumNetworkPolicy", "default", "a"), (named.Kind, named.Namespace, named.Name));
        Assert.Equal((ulong)_policies.Revision, named.Revision);
        Assert.Equal(
            ["k8s:io.cilium.k8s.policy.derived-from=CiliumNetworkPolicy", "k8s:io.cilium.k8s.policy.name=a", "k8s:io.cilium.k8s.policy.namespace=default", "k8s:io.cilium.k8s.policy.uid=uid-a"],
            named.Labels);
        Assert.Empty(first.Behind(verdict with { IsDenied = true }));
        var host = Assert.Single(first.Behind(verdict with { Peer = Identity.Host, PeerLabels = ["reserved:host"] }));
        Assert.Equal(("", "", "", "reserved:io.cilium.policy.derived-from=allow-localhost-ingress"), (host.Kind, host.Namespace, host.Name, Assert.Single(host.Labels)));

        // The same rule under another name changes no table, and is told.
        Allow("b", "client");
        _policies.RemovePolicy(Origin("a"));
        Assert.Empty(_policies.Commit().Contents);
        await UntilAsync(() => _index.Current.Policies[id] != first);
        Assert.Equal("b", Assert.Single(_index.Current.Policies[id].Behind(verdict)).Name);
        Assert.Equal("a", Assert.Single(first.Behind(verdict)).Name);

        _test.Write(write => write.Delete(_test.Tables.Endpoints, id));
        await UntilAsync(() => _index.Current.Policies.IsEmpty);

        static PolicyOrigin Origin(string name) => new("CiliumNetworkPolicy", "default", name, $"uid-{name}");

        void Allow(string name, string app) => _policies.SetPolicy(Origin(name), [new PolicyRule
        {
            Subject = LabelSelector.Parse("app=web"),
            Origin = Origin(name),
            Ingress = PolicySection.Create([PeerRule.Create([new LabelPeer(LabelSelector.Parse($"app={app}"))])]),
        }]);
    }

    private static CiliumEndpointRow Pod(string name, uint identity) => new()
    {
        Namespace = "default",
        Name = name,
        Identity = new Identity(identity),
        Addresses = [s_address],
        NodeIP = IpAddr.Parse("172.18.0.3"),
    };

    private static FrontendRow Frontend(L4Protocol protocol, string service, ushort port = 53) => new()
    {
        Address = new L4Address(s_dns, port, protocol),
        ServiceNamespace = "kube-system",
        ServiceName = service,
        Backends = [],
    };

    private string? NameAt(IpAddr address) => _index.Current.EndpointOf(address)?.PodName;

    private string? ServiceAt(ushort port) => _index.Current.ServiceOf(s_dns, port)?.Name;

    private Task UntilAsync(Func<bool> condition) => TestTables.UntilAsync(_running, condition);

    /// <summary>Waits until the loop has taken everything written so far: what is written later shows up in a later round only.</summary>
    private async Task SettleAsync()
    {
        _test.Write(write => write.Upsert(_test.Datapath.Frontends, Frontend(L4Protocol.Tcp, "settled", 9)));
        await UntilAsync(() => ServiceAt(9) == "settled");
    }
}
