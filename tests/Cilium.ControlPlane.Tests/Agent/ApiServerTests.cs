using System.Net;
using System.Net.Sockets;
using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Api;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Nodes;
using Cilium.ControlPlane.Serving;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Datapath;
using Cilium.Datapath.Endpoints;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.LoadBalancing;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Policy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Agent;

public sealed class ApiServerTests : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-rest-").FullName;
    private readonly TestTables _test = new();
    private readonly HttpClient _client = new();
    private readonly FakeDatapath _datapath = new();
    private readonly AgentContext _agent;
    private readonly AgentClient _api;
    private readonly WebServer _web = new(NullLoggerFactory.Instance, TimeProvider.System);
    private WebDoors? _server;

    public ApiServerTests()
    {
        var options = _test.Options;
        options.StateDirectory = _directory;
        options.HealthPort = 0;
        options.CniConfigurationDirectory = "";
        var ipam = new NodeIpam(true, false);
        ipam.SetPodCidrs([Prefix.Parse("10.0.0.0/29")]);
        ipam.Allocate(_test.Self.RouterIPv4, AddressOwners.Router);
        _agent = new AgentContext
        {
            Options = options,
            Tables = _test.Tables,
            Ipam = ipam,
            Policies = new PolicyEngine(new PolicyOptions { Cluster = options.Cluster }),
            Registry = new EndpointRegistry(
                _test.Tables, ipam, new EndpointStore(_directory), _datapath, TimeProvider.System, NullLogger<EndpointRegistry>.Instance),
            Datapath = _datapath,
            Devices = new NoDevices(),
            Connection = new KubernetesConnection(_client, new Uri("https://192.0.2.1:6443/"), TimeSpan.FromSeconds(1), TimeProvider.System),
            Readiness = new AgentReadiness(),
            Time = TimeProvider.System,
        };
        _test.Write(write => write.Upsert(_test.Tables.LocalNode, _test.Self));
        _api = new AgentClient(options.EffectiveSocketPath);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        await _web.DisposeAsync();

        _client.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Before_the_agent_accepts_it_says_what_it_waits_for()
    {
        await StartAsync(isReady: false);
        _agent.Readiness.Enter("waiting for pod CIDRs");
        var refusal = await Assert.ThrowsAsync<ApiException>(() => _api.GetEndpointsAsync(default));
        Assert.Equal(503, refusal.StatusCode);
        Assert.Contains("waiting for pod CIDRs", refusal.Message, StringComparison.Ordinal);
        using var http = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync(new Uri("http://localhost/v1/healthz"))).StatusCode);
        var status = await _api.GetStatusAsync(brief: true, default);
        Assert.Equal((StatusStates.Failure, "waiting for pod CIDRs"), (status.Cilium!.State, status.Cilium.Msg));
        Assert.NotNull((await _api.GetStatusAsync(brief: false, default)).NodeMonitor);
    }

    [Fact]
    public async Task The_plugins_way_through_the_api_takes_and_frees_an_address()
    {
        await StartAsync();
        var configuration = await _api.GetConfigurationAsync(default);
        Assert.Equal(1450, configuration.Status!.RouteMtu);
        Assert.Equal("10.0.0.1", configuration.Status.Addressing!.Ipv4!.Ip);

        var ipam = await _api.AllocateAddressesAsync("", "default/pod-a", "", expiration: true, default);
        Assert.Equal("10.0.0.1", ipam.HostAddressing!.Ipv4!.Ip);
        var created = await _api.CreateEndpointAsync(Request(ipam), default);
        Assert.Equal("waiting-for-identity", created.Status!.State);
        Assert.Equal("c1:eth0", created.Status.ExternalIdentifiers!.CniAttachmentId);
        Assert.Equal(created.Id, (await _api.GetEndpointAsync($"ipv4:{ipam.Address!.Ipv4}", default)).Id);
        Assert.Equal(created.Id, (await _api.GetEndpointAsync("pod-name:default:pod-a", default)).Id);
        Assert.Equal(created.Id, (await _api.GetEndpointAsync("pod-name:default/pod-a", default)).Id);
        Assert.Equal("Pending", (await _api.GetEndpointHealthAsync("container-id:c1", default)).OverallHealth);
        Assert.Equal(409, (await Assert.ThrowsAsync<ApiException>(() => _api.ReleaseAddressAsync(ipam.Address.Ipv4!, "", default))).StatusCode);

        await _api.DeleteEndpointsAsync(new EndpointBatchDeleteRequest { ContainerId = "c1" }, default);
        Assert.Empty(await _api.GetEndpointsAsync(default));
        Assert.Equal(404, (await Assert.ThrowsAsync<ApiException>(() => _api.DeleteEndpointAsync("cni-attachment-id:c1:eth0", default))).StatusCode);
        Assert.Equal("router", Assert.Single(_agent.Ipam.Snapshot()).Owner);
    }

    [Theory]
    [InlineData("pod-name:default/pod-a", true)]
    [InlineData("pod-name:default%2fpod-a", true)]
    [InlineData("pod-name:default%2Fpod%2Da", true)]
    [InlineData("pod-name:default%2Fpod%252Da", false)]
    public async Task A_pod_is_named_with_its_namespace_and_its_name_is_decoded_once(string id, bool isThere)
    {
        await StartAsync();
        var ipam = await _api.AllocateAddressesAsync("", "default/pod-a", "", expiration: true, default);
        await _api.CreateEndpointAsync(Request(ipam), default);
        var path = $"/v1/endpoint/{id.Replace("/", "%2F", StringComparison.Ordinal)}";
        if (isThere)
        {
            await _api.SendAsync("GET", path, default, default);
            await _api.SendAsync("DELETE", path, default, default);
            Assert.Empty(await _api.GetEndpointsAsync(default));
        }
        else
        {
            Assert.InRange((await Assert.ThrowsAsync<ApiException>(() => _api.SendAsync("GET", path, default, default))).StatusCode, 400, 404);
            Assert.InRange((await Assert.ThrowsAsync<ApiException>(() => _api.SendAsync("DELETE", path, default, default))).StatusCode, 400, 404);
        }
    }

    [Fact]
    public async Task A_deletion_is_carried_out_though_nobody_waits_for_the_answer()
    {
        await StartAsync();
        var ipam = await _api.AllocateAddressesAsync("", "default/pod-a", "", expiration: true, default);
        await _api.CreateEndpointAsync(Request(ipam), default);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        await using var application = builder.Build();
        EndpointRoutes.Map(application, _agent);
        var deletion = ((IEndpointRouteBuilder)application).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>().Single(route =>
            route.RoutePattern.RawText == "/v1/endpoint" && route.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Contains("DELETE"));

        var context = new DefaultHttpContext { RequestAborted = new CancellationToken(canceled: true) };
        context.Request.ContentType = "application/json";
        context.Request.Body = new MemoryStream("{\"container-id\":\"c1\"}"u8.ToArray());
        await deletion.RequestDelegate!(context);

        Assert.Equal(200, context.Response.StatusCode);
        Assert.Empty(await _api.GetEndpointsAsync(default));
    }

    [Fact]
    public async Task An_address_is_given_back_by_its_owner_only()
    {
        await StartAsync();
        var ipam = await _api.AllocateAddressesAsync("", "default/pod-a", "", expiration: true, default);
        var address = ipam.Address!.Ipv4!;
        Assert.Equal(404, (await Assert.ThrowsAsync<ApiException>(() => _api.ReleaseAddressAsync(address, "default/pod-b", default))).StatusCode);
        await _api.ReleaseAddressAsync(address, "default/pod-a", default);
    }

    [Fact]
    public async Task A_full_range_is_named()
    {
        await StartAsync();
        for (var i = 0; i < 5; i++)
        {
            await _api.AllocateAddressesAsync("", $"default/pod-{i}", "", expiration: true, default);
        }

        var refusal = await Assert.ThrowsAsync<ApiException>(() => _api.AllocateAddressesAsync("", "default/pod-x", "", expiration: true, default));
        Assert.Contains("range is full", refusal.Message, StringComparison.Ordinal);
        var status = await _api.GetStatusAsync(brief: false, default);
        Assert.Equal("IPv4: 6/6 allocated from 10.0.0.0/29, ", status.Ipam!.Status);
        Assert.Equal("router", status.Ipam.Allocations!["10.0.0.1"]);
    }

    [Fact]
    public async Task Tables_are_shown_as_they_are()
    {
        await StartAsync();
        _test.Write(write =>
        {
            write.Upsert(_test.Datapath.IpCache, new IpCacheRow
            {
                Prefix = Prefix.Parse("10.0.1.0/24"),
                Identity = Identity.Unknown,
                TunnelEndpoint = IpAddr.Parse("172.18.0.3"),
            });
            write.Upsert(_test.Datapath.Frontends, new FrontendRow
            {
                Address = new L4Address(IpAddr.Parse("10.96.0.1"), 443, L4Protocol.Tcp),
                ServiceNamespace = "default",
                ServiceName = "kubernetes",
                Backends = [new BackendRef(new L4Address(IpAddr.Parse("172.18.0.2"), 6443, L4Protocol.Tcp), BackendState.Active)],
            });
        });
        var address = Assert.Single(await _api.GetAddressesAsync(default));
        Assert.Equal("172.18.0.3", address.HostIp);
        var service = Assert.Single(await _api.GetServicesAsync(default));
        Assert.Equal("ClusterIP", service.Spec!.Flags!.Type);
        Assert.Equal("active", Assert.Single(service.Spec.BackendAddresses!).State);
        Assert.Contains(await _api.GetIdentitiesAsync(default), identity => identity is { Id: 1 } && identity.Labels!.Contains("reserved:host"));
        Assert.Equal("[]", (await _api.GetPolicyAsync(default)).Policy);
        Assert.Empty(await _api.GetPolicySelectorsAsync(default));
        Assert.NotEmpty(await _api.GetMetricsAsync(default));
        Assert.Equal(404, (await Assert.ThrowsAsync<ApiException>(() => _api.GetIdentityAsync("99999", default))).StatusCode);
        Assert.Equal(404, (await Assert.ThrowsAsync<ApiException>(() => _api.SendAsync("GET", "/v1/nonsense", default, default))).StatusCode);
        Assert.Equal(400, (await Assert.ThrowsAsync<ApiException>(() => _api.GetEndpointAsync("nonsense:1", default))).StatusCode);
    }

    [Theory]
    [InlineData(false, "Cluster")]
    [InlineData(true, "Local")]
    public async Task A_service_tells_the_traffic_policy_that_is_in_force_and_none_that_is_not_known(bool isLocal, string expected)
    {
        await StartAsync();
        _test.Write(write => write.Upsert(_test.Datapath.Frontends, new FrontendRow
        {
            Address = new L4Address(IpAddr.Parse("10.96.0.1"), 443, L4Protocol.Tcp),
            ServiceNamespace = "default",
            ServiceName = "kubernetes",
            ExternalIsLocal = isLocal,
            Backends = [],
        }));
        var flags = Assert.Single(await _api.GetServicesAsync(default)).Spec!.Flags!;
        Assert.Equal((expected, null), (flags.ExtTrafficPolicy, flags.IntTrafficPolicy));
    }

    [Fact]
    public async Task The_rules_behind_an_entry_and_behind_a_default_deny_are_told()
    {
        await StartAsync();
        var labels = TestTables.LabelsOf("server");
        _test.Write(write =>
        {
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(9, "pod-s", "10.0.0.5"));
            write.Upsert(_test.Tables.EndpointIdentities, new EndpointIdentityRow { Id = new EndpointId(9), Identity = new Identity(400), Labels = labels });
        });
        var decoder = new Cilium.Kubernetes.Policies.PolicyDecoder(LabelFilter.Default);
        using var json = System.Text.Json.JsonDocument.Parse(
            """{"metadata":{"name":"p","namespace":"default"},"spec":{"description":"why","endpointSelector":{},"ingress":[{"fromEntities":["host"],"toPorts":[{"ports":[{"port":"80","protocol":"TCP"}]}]}]}}""");
        var rules = decoder.DecodeCiliumNetworkPolicy(json.RootElement).Rules;
        _agent.Policies.SetPolicy(new PolicyOrigin("CiliumNetworkPolicy", "default", "p"), rules);
        _agent.Policies.AddSubject(new PolicySubject(labels, default));
        _agent.Policies.Commit();

        var byEntry = await _api.GetEndpointRulesAsync("9", new PolicyRulesQuestion("ingress", new PolicyRulesEntry(Identity.Host.Value, 6, 80, 16)), default);
        Assert.Equal("CiliumNetworkPolicy default/p rule 0 ingress[0]: why", Assert.Single(byEntry.DerivedFromRules!));
        Assert.Empty((await _api.GetEndpointRulesAsync("9", new PolicyRulesQuestion("ingress", new PolicyRulesEntry(77777, 6, 81, 16)), default)).DerivedFromRules!);
        var byDefault = await _api.GetEndpointRulesAsync("9", new PolicyRulesQuestion("ingress", null), default);
        Assert.Equal("CiliumNetworkPolicy default/p rule 0 ingress: why", Assert.Single(byDefault.DerivedFromRules!));
        Assert.Empty((await _api.GetEndpointRulesAsync("9", new PolicyRulesQuestion("egress", null), default)).DerivedFromRules!);
        Assert.Equal(400, (await Assert.ThrowsAsync<ApiException>(() => _api.GetEndpointRulesAsync("9", new PolicyRulesQuestion("sideways", null), default))).StatusCode);
        Assert.Equal(404, (await Assert.ThrowsAsync<ApiException>(() => _api.GetEndpointRulesAsync("10", new PolicyRulesQuestion("egress", null), default))).StatusCode);
        var broken = await Assert.ThrowsAsync<ApiException>(() => _api.SendAsync("GET", "/v1/endpoint/9/rules?direction=ingress&identity=x", default, default));
        Assert.Equal(400, broken.StatusCode);
    }

    [Fact]
    public async Task An_endpoint_that_the_kernel_refused_is_not_ready_and_tells_why()
    {
        await StartAsync();
        var policy = new PolicyContentKey(3);
        _test.Write(write =>
        {
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(9, "pod-s", "10.0.0.5"));
            write.Upsert(_test.Tables.EndpointIdentities, new EndpointIdentityRow { Id = new EndpointId(9), Identity = new Identity(400), Labels = TestTables.LabelsOf("server") });
            write.Upsert(_test.Datapath.Endpoints, new EndpointRow
            {
                Id = new EndpointId(9),
                InterfaceName = "lxc9",
                InterfaceIndex = 109,
                PodMac = new MacAddress(9),
                HostMac = new MacAddress(1009),
                Identity = new Identity(400),
                Policy = policy,
            });
        });
        async Task<(string? State, string? Bpf, string? Policy, string? Overall, string? Said)> AskAsync()
        {
            var health = await _api.GetEndpointHealthAsync("9", default);
            var status = (await _api.GetEndpointAsync("9", default)).Status!;
            return (status.State, health.Bpf, health.Policy, health.OverallHealth, (await _api.GetEndpointLogAsync("9", default))[0].Message);
        }

        Assert.Equal(("ready", "OK", "OK", "OK", "Endpoint created"), await AskAsync());
        _datapath.Found[new EndpointId(9)] = new ReconcileStatus(ReconcileState.Pending, 1, "", default, 0);
        Assert.Equal(("ready", "OK", "OK", "OK", "Endpoint created"), await AskAsync());
        _datapath.Found[new EndpointId(9)] = new ReconcileStatus(ReconcileState.Error, 1, "cilium_lxc: E2BIG", DateTimeOffset.UnixEpoch, 3);
        Assert.Equal(("not-ready", "Failure", "OK", "Failure", "cilium_lxc: E2BIG"), await AskAsync());
        _datapath.Found.Clear();
        _datapath.Found[policy] = new ReconcileStatus(ReconcileState.Error, 1, "cilium_policy: E2BIG", DateTimeOffset.UnixEpoch, 3);
        Assert.Equal(("not-ready", "OK", "Failure", "Failure", "cilium_policy: E2BIG"), await AskAsync());

        _test.Write(write => write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(10, "pod-t", "10.0.0.6")));
        var states = (await _api.GetMetricsAsync(default)).Where(metric => metric.Name == "cilium_endpoint_state");
        Assert.Equal([("not-ready", 1), ("ready", 0), ("waiting-for-identity", 1)], states.Select(metric => (metric.Labels!["endpoint_state"], metric.Value)).Order());
    }

    [Fact]
    public async Task A_loop_that_fails_tells_how_often_and_why()
    {
        await StartAsync();
        var failedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        _agent.Loops["a"] = _agent.Loops["b"] = failedAt.AddHours(-1);
        _agent.Failures["a"] = () => new ReconcileStatus(ReconcileState.Error, 1, "default/web: forbidden", failedAt, 4);
        _agent.Failures["b"] = () => null;
        var controllers = (await _api.GetStatusAsync(brief: false, default)).Controllers!.ToDictionary(controller => controller.Name!, controller => controller.Status!);
        Assert.Equal((4, "default/web: forbidden", failedAt), (controllers["a"].ConsecutiveFailureCount, controllers["a"].LastFailureMsg, controllers["a"].LastFailureTimestamp));
        Assert.Equal((0, null, null), (controllers["b"].ConsecutiveFailureCount, controllers["b"].LastFailureMsg, controllers["b"].LastFailureTimestamp));
    }

    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    public async Task Socket_calls_are_traced_when_both_keys_say_so(bool translates, bool traces, bool expected)
    {
        await StartAsync();
        (_test.Options.Datapath.EnableSocketLoadBalancing, _test.Options.Datapath.EnableSocketEvents) = (translates, traces);
        Assert.Equal(expected, (await _api.GetStatusAsync(brief: false, default)).KubeProxyReplacement!.Features!.SocketLbTracing!.Enabled);
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(_api.SocketPath), cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private async Task StartAsync(bool isReady = true)
    {
        if (isReady)
        {
            _agent.Readiness.Accept();
            _agent.Readiness.Complete();
        }

        await _web.StartAsync(default);
        _server = await ApiServer.OpenAsync(_web, _agent, default);
    }

    private static EndpointChangeRequest Request(IpamResponse ipam) => new()
    {
        ContainerId = "c1",
        ContainerInterfaceName = "eth0",
        InterfaceName = "lxc1",
        InterfaceIndex = 7,
        Mac = "02:00:00:00:00:01",
        HostMac = "02:00:00:00:00:02",
        K8sNamespace = "default",
        K8sPodName = "pod-a",
        SyncBuildEndpoint = true,
        Addressing = ipam.Address! with { Ipv4ExpirationUuid = ipam.Ipv4!.ExpirationUuid },
    };

    private sealed class NoDevices : ILocalDevices
    {
        public IReadOnlyDictionary<int, string> All() => new Dictionary<int, string>();

        public string? DeviceOf(IpAddr address) => null;

        public IReadOnlyList<IpAddr> AddressesOf(string name) => [];
    }
}
