using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Services;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Datapath.LoadBalancing;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Services;

public sealed class ServiceFrontendsTests
{
    private static readonly ServiceRow s_service = new()
    {
        Namespace = "default",
        Name = "web",
        ClusterIPs = [IpAddr.Parse("10.96.0.10")],
        Ports = [new ServicePort("http", L4Protocol.Tcp, 80, "8080", 0)],
    };

    [Fact]
    public void Ready_endpoints_of_the_named_port_are_active_backends()
    {
        var frontend = Assert.Single(ServiceFrontends.Of(s_service, [Slice(Ready("10.0.0.2"), Ready("10.0.0.1"))], "node-a", ""));
        Assert.Equal(new L4Address(IpAddr.Parse("10.96.0.10"), 80, L4Protocol.Tcp), frontend.Address);
        Assert.Equal([Backend("10.0.0.1"), Backend("10.0.0.2")], frontend.Backends);
    }

    [Fact]
    public void Terminating_ones_stay_while_they_serve_and_unready_ones_are_left_out()
    {
        var frontend = Assert.Single(ServiceFrontends.Of(
            s_service,
            [
                Slice(
                    Ready("10.0.0.1"),
                    new SliceEndpoint { Addresses = [IpAddr.Parse("10.0.0.2")], IsReady = false, IsServing = true, IsTerminating = true },
                    new SliceEndpoint { Addresses = [IpAddr.Parse("10.0.0.3")], IsReady = false, IsServing = false, IsTerminating = true },
                    new SliceEndpoint { Addresses = [IpAddr.Parse("10.0.0.4")], IsReady = false, IsServing = false }),
            ],
            "node-a",
            ""));
        Assert.Equal([Backend("10.0.0.1"), Backend("10.0.0.2") with { State = BackendState.Terminating }], frontend.Backends);
    }

    [Fact]
    public void Terminating_ones_that_are_ready_are_active_where_the_service_wants_those_that_are_not()
    {
        SliceEndpoint Going(string address, bool isReady, bool isServing) =>
            new() { Addresses = [IpAddr.Parse(address)], IsReady = isReady, IsServing = isServing, IsTerminating = true };
        var frontend = Assert.Single(ServiceFrontends.Of(
            s_service with { PublishNotReadyAddresses = true },
            [
                Slice(
                    Going("10.0.0.1", isReady: true, isServing: true),
                    Going("10.0.0.2", isReady: true, isServing: false),
                    Going("10.0.0.3", isReady: false, isServing: true),
                    new SliceEndpoint { Addresses = [IpAddr.Parse("10.0.0.4")], IsReady = false, IsServing = false }),
            ],
            "node-a",
            ""));
        Assert.Equal(
            [Backend("10.0.0.1"), Backend("10.0.0.2"), Backend("10.0.0.3") with { State = BackendState.Terminating }, Backend("10.0.0.4")], frontend.Backends);
    }

    [Fact]
    public void A_service_without_endpoints_still_has_a_frontend() =>
        Assert.Empty(Assert.Single(ServiceFrontends.Of(s_service, [], "node-a", "")).Backends);

    [Fact]
    public void Internal_policy_local_keeps_this_nodes_backends()
    {
        var local = s_service with { InternalTrafficIsLocal = true };
        var frontend = Assert.Single(ServiceFrontends.Of(
            local, [Slice(Ready("10.0.0.1") with { NodeName = "node-a" }, Ready("10.0.0.2") with { NodeName = "node-b" })], "node-a", ""));
        Assert.Equal([Backend("10.0.0.1") with { IsLocal = true }], frontend.Backends);
    }

    [Fact]
    public void Each_family_has_a_frontend_with_its_own_backends()
    {
        var dual = s_service with { ClusterIPs = [IpAddr.Parse("10.96.0.10"), IpAddr.Parse("fd00:96::10")] };
        var frontends = ServiceFrontends.Of(dual, [Slice(Ready("10.0.0.1"), Ready("fd00::1"))], "node-a", "");
        Assert.Equal(2, frontends.Count);
        Assert.Equal([Backend("10.0.0.1")], frontends[0].Backends);
        Assert.Equal([Backend("fd00::1")], frontends[1].Backends);
    }

    [Fact]
    public void Clients_outside_are_served_on_every_address_when_that_is_switched_on()
    {
        var outside = s_service with
        {
            Type = "LoadBalancer",
            LoadBalancerIPs = [IpAddr.Parse("172.16.0.1")],
            ExternalIPs = [IpAddr.Parse("198.51.100.7")],
            InternalTrafficIsLocal = true,
            Ports = [new ServicePort("http", L4Protocol.Tcp, 80, "8080", 30080)],
        };
        var slice = Slice(Ready("10.0.0.1") with { NodeName = "node-a" }, Ready("10.0.0.2") with { NodeName = "node-b" });
        Assert.Single(ServiceFrontends.Of(outside, [slice], "node-a", ""));
        var frontends = ServiceFrontends.Of(outside, [slice], "node-a", "", [IpAddr.Parse("172.18.0.3"), IpAddr.Parse("fc00::3")]);
        Assert.Equal(
            [("10.96.0.10:80/TCP", FrontendKind.ClusterIP, 1), ("172.18.0.3:30080/TCP", FrontendKind.NodePort, 2),
                ("172.16.0.1:80/TCP", FrontendKind.LoadBalancer, 2), ("198.51.100.7:80/TCP", FrontendKind.ExternalIPs, 2)],
            frontends.Select(frontend => (frontend.Address.ToString(), frontend.Kind, frontend.Backends.Count)));
        var restricted = outside with { SourceRanges = [Prefix.Parse("10.0.0.0/8")] };
        Assert.Equal(
            [(FrontendKind.ClusterIP, 0), (FrontendKind.LoadBalancer, 1), (FrontendKind.ExternalIPs, 0)],
            ServiceFrontends.Of(restricted, [slice], "node-a", "", []).Select(frontend => (frontend.Kind, frontend.SourceRanges.Count)));
        var local = outside with { ExternalTrafficIsLocal = true, SessionAffinity = TimeSpan.FromSeconds(10) };
        frontends = ServiceFrontends.Of(local, [slice], "node-a", "", [IpAddr.Parse("172.18.0.3")]);
        Assert.Equal([false, true, true, true], frontends.Select(frontend => frontend.ExternalIsLocal));
        Assert.All(frontends, frontend => Assert.Equal(TimeSpan.FromSeconds(10), frontend.Affinity));
        Assert.Equal([true, false], frontends[1].Backends.Select(backend => backend.IsLocal));
    }

    [Fact]
    public void Headless_foreign_and_named_services_are_not_ours()
    {
        Assert.Empty(ServiceFrontends.Of(s_service with { IsHeadless = true, ClusterIPs = [] }, [], "node-a", ""));
        Assert.Empty(ServiceFrontends.Of(s_service with { Type = "ExternalName" }, [], "node-a", ""));
        Assert.Empty(ServiceFrontends.Of(s_service with { Labels = Map(ServiceFrontends.ProxyNameLabel, "other") }, [], "node-a", ""));
        Assert.Empty(ServiceFrontends.Of(s_service with { Labels = Map(ServiceFrontends.HeadlessLabel, "") }, [], "node-a", ""));
        Assert.Empty(ServiceFrontends.Of(s_service, [], "node-a", "ours"));
        Assert.Single(ServiceFrontends.Of(s_service with { Labels = Map(ServiceFrontends.ProxyNameLabel, "ours") }, [], "node-a", "ours"));
    }

    [Fact]
    public async Task The_derivation_follows_slices_and_removes_what_is_gone()
    {
        var test = new TestTables();
        test.Write(write =>
        {
            write.Upsert(test.Kubernetes.Services, s_service);
            write.Upsert(test.Kubernetes.EndpointSlices, Slice(Ready("10.0.0.1")));
        });
        using var stop = new CancellationTokenSource();
        var running = new ServiceDerivation(test.Tables, test.Options, TimeProvider.System, NullLogger<FrontendClaims>.Instance).RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Snapshot().Values.Any(row => row.Backends.Count == 1));
        test.Write(write => write.Upsert(test.Kubernetes.EndpointSlices, Slice(Ready("10.0.0.1"), Ready("10.0.0.2"))));
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Snapshot().Values.Single().Backends.Count == 2);
        test.Write(write => write.Delete(test.Kubernetes.EndpointSlices, new NamespacedName("default", "web-1")));
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Snapshot().Values.Single().Backends.Count == 0);
        test.Write(write => write.Delete(test.Kubernetes.Services, s_service.Key));
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Count == 0);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task Cluster_addresses_do_not_wait_for_the_node_and_its_own_follow()
    {
        var test = new TestTables();
        test.Options.Datapath.EnableNodePort = true;
        AgentInitializers.Register(test.Tables);
        test.Write(write => write.Upsert(test.Kubernetes.Services, s_service with { Type = "NodePort", Ports = [s_service.Ports[0] with { NodePort = 30080 }] }));
        using var stop = new CancellationTokenSource();
        var running = new ServiceDerivation(test.Tables, test.Options, TimeProvider.System, NullLogger<FrontendClaims>.Instance).RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Count == 1);
        Assert.Equal(FrontendKind.ClusterIP, test.Datapath.Frontends.Snapshot().Values.Single().Kind);
        var isComplete = test.Datapath.Frontends.WaitInitializedAsync(stop.Token);
        Assert.False(isComplete.IsCompleted);
        test.Write(write => write.Upsert(test.Tables.LocalNode, test.Self));
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Count == 2);
        await isComplete;
        Assert.Contains(new L4Address(test.Self.IPv4, 30080, L4Protocol.Tcp), test.Datapath.Frontends.Snapshot().Keys);
        await TestTables.EndAsync(stop, running);
    }

    private static StringMap Map(string key, string value) => StringMap.Create([new KeyValuePair<string, string>(key, value)]);

    private static SliceEndpoint Ready(string address) => new() { Addresses = [IpAddr.Parse(address)] };

    private static BackendRef Backend(string address) => new(new L4Address(IpAddr.Parse(address), 8080, L4Protocol.Tcp), BackendState.Active);

    private static EndpointSliceRow Slice(params SliceEndpoint[] endpoints) => new()
    {
        Namespace = "default",
        Name = "web-1",
        ServiceName = "web",
        Ports = [new EndpointPort("http", L4Protocol.Tcp, 8080), new EndpointPort("metrics", L4Protocol.Tcp, 9090)],
        Endpoints = endpoints.ToEquatableArray(),
    };
}
