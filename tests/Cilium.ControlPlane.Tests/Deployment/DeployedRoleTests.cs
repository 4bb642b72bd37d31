using System.Text.Json.Nodes;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Tests;
using Microsoft.Extensions.Logging.Abstractions;
using YamlDotNet.RepresentationModel;

namespace Cilium.ControlPlane.Tests.Deployment;

/// <summary>The roles of <c>deploy/</c> allow what agent and operator ask of the API server: their writers are called, and what they sent is compared.</summary>
public sealed class DeployedRoleTests : IDisposable
{
    private static readonly NamespacedName s_pod = new("default", "pod-a");
    private static readonly CiliumNodeRow s_node = new() { Name = "node-a", ResourceVersion = "7" };
    private readonly FakeApiServer _server = new(new TestClock());

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task The_role_of_the_agent_allows_what_the_agent_asks()
    {
        // AgentService.FollowKubernetes
        Resource[] followed =
        [
            Resource.Nodes, Resource.CiliumNodes, Resource.CiliumIdentities, Resource.Pods, Resource.Namespaces, Resource.CiliumNetworkPolicies,
            Resource.CiliumClusterwideNetworkPolicies, Resource.CiliumEndpoints, Resource.Services, Resource.EndpointSlices, Resource.CiliumPodIPPools,
            Resource.NetworkPolicies,
        ];
        var nodes = new CiliumNodeWriter(_server.Connection);
        await nodes.ApplyAsync(new CiliumNodeContent { Name = "node-a" }, Ct); // NodePublisher
        await nodes.SetPoolsAsync(s_node, [], [], Ct); // NodePoolLoop
        await nodes.SetUsedAddressesAsync(s_node, new Dictionary<string, string?> { ["10.0.0.1"] = "default/pod-a" }, new Dictionary<string, string?>(), Ct); // AddressListLoop
        var status = new NodeStatusWriter(_server.Connection); // NodePublisher
        await status.SetNetworkUpAsync("node-a", Ct);
        _server.Put("api/v1/nodes/node-a", new JsonObject { ["spec"] = new JsonObject { ["taints"] = new JsonArray(new JsonObject { ["key"] = "t" }) } });
        await status.RemoveTaintAsync("node-a", "t", Ct);
        var endpoints = new CiliumEndpointWriter(_server.Connection); // CiliumEndpointOperations
        var content = new CiliumEndpointContent { Namespace = s_pod.Namespace, Name = s_pod.Name };
        await endpoints.CreateAsync(content, Ct);
        await endpoints.ReadAsync(s_pod, Ct);
        await endpoints.ChangeAsync(content, "", Ct);
        await endpoints.DeleteAsync(s_pod, "", Ct);
        using var identities = new CrdIdentityAllocator( // AgentLoops
            _server.Connection, new KubernetesTables(new StateStore()).CiliumIdentities, new CrdIdentityAllocatorOptions(), new Random(1), NullLogger<CrdIdentityAllocator>.Instance);
        await identities.AllocateAsync(LabelSet.Parse("k8s:app=web"), Ct);

        AssertAllowed("agent-rbac.yaml", [
            .. followed.SelectMany(Followed),
            // CrdIdentityAllocator: an identity that was to be collected is taken up again; of two made at once one goes.
            ("get", "cilium.io", "ciliumidentities"), ("patch", "cilium.io", "ciliumidentities"), ("delete", "cilium.io", "ciliumidentities"),
        ]);
    }

    [Fact]
    public async Task The_role_of_the_operator_allows_what_the_operator_asks()
    {
        // CiliumOperator.Loops
        Resource[] followed =
        [
            Resource.Nodes, Resource.Pods, Resource.CiliumNodes, Resource.CiliumEndpoints, Resource.CiliumIdentities, Resource.CiliumPodIPPools,
            Resource.Services, Resource.CiliumLoadBalancerIPPools, Resource.CiliumNetworkPolicies, Resource.CiliumClusterwideNetworkPolicies,
        ];
        var election = new LeaderElectionOptions { Candidate = "a" };
        await new LeaderElector(_server.Connection, election, new Random(1), NullLogger<LeaderElector>.Instance).RunAsync(_ => Task.CompletedTask, Ct);
        await new PodIPPoolWriter(_server.Connection).EnsureAsync(new PoolDefinition("default", new PoolFamily([Prefix.Parse("10.0.0.0/16")], 24), null), Ct);
        var nodes = new CiliumNodeWriter(_server.Connection);
        await nodes.HasNodeAsync("node-a", Ct); // CiliumNodeLoop
        await nodes.EnsureAsync("node-a", "", StringMap.Empty, Ct);
        await nodes.SetPodCidrsAsync("node-a", [], Ct); // PodCidrLoop
        await nodes.SetPoolsAsync(s_node, [], [], Ct); // MultiPoolLoop
        await nodes.SetOperatorErrorAsync("node-a", "", Ct);
        await nodes.DeleteAsync("node-a", "", Ct);
        var interfaces = new NodeInterfaceWriter(_server.Connection); // InterfaceLoop
        await interfaces.SetStatusAsync(s_node, [], new Dictionary<string, string?>(), "", Ct);
        await interfaces.SetPoolAsync(s_node, new Dictionary<string, string> { ["10.0.0.1"] = "eni-1" }, Ct);
        await new CiliumEndpointWriter(_server.Connection) // Operator.EndpointCollector
            .DeleteOrphanAsync(new CiliumEndpointRow { Namespace = s_pod.Namespace, Name = s_pod.Name, PodUid = "u" }, Ct);
        _server.Put("apis/cilium.io/v2/ciliumidentities/300", new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["io.cilium.heartbeat"] = "m" } } });
        var identities = new CiliumIdentityWriter(_server.Connection); // IdentityCollector
        await identities.DeleteMarkedAsync(new Identity(300), "m", Ct);
        await identities.UnmarkAsync(new Identity(300), Ct);
        _server.Put("api/v1/namespaces/default/services/pod-a", []);
        _server.Put("apis/cilium.io/v2/ciliumloadbalancerippools/pool", []);
        var addresses = new LoadBalancerStatusWriter(_server.Connection); // LoadBalancerIpamLoop
        await addresses.SetServiceAsync(s_pod, [IpAddr.Parse("10.9.0.1")], "t", new StatusCondition("t", "True", "r", "m"), Ct);
        await addresses.SetPoolAsync("pool", [new StatusCondition("t", "True", "r", "m")], Ct);
        await new EventWriter(_server.Connection, "cilium-operator", "").WriteAsync(Resource.Services, s_pod, "u", true, "r", "m", Ct);
        _server.Put("apis/cilium.io/v2/namespaces/default/ciliumnetworkpolicies/p", []);
        _server.Put("apis/cilium.io/v2/ciliumclusterwidenetworkpolicies/p", []);
        var policies = new PolicyStatusWriter(_server.Connection); // PolicyValidationLoop
        await policies.SetValidAsync(new PolicyObjectKey(PolicyObjectKind.CiliumNetworkPolicy, "default", "p"), true, "r", "m", Ct);
        await policies.SetValidAsync(new PolicyObjectKey(PolicyObjectKind.CiliumClusterwideNetworkPolicy, "", "p"), true, "r", "m", Ct);

        AssertAllowed("operator-rbac.yaml", [
            .. followed.SelectMany(Followed),
            // CrdRegistrar
            ("get", "apiextensions.k8s.io", "customresourcedefinitions"), ("create", "apiextensions.k8s.io", "customresourcedefinitions"),
            ("update", "apiextensions.k8s.io", "customresourcedefinitions"),
        ]);
    }

    private static IEnumerable<(string Verb, string Group, string Resource)> Followed(Resource resource) =>
        [("list", resource.Group, resource.Plural), ("watch", resource.Group, resource.Plural)];

    private void AssertAllowed(string file, IEnumerable<(string Verb, string Group, string Resource)> others)
    {
        var rules = ((YamlSequenceNode)DeployedFiles.Objects(file).Single(found => found["kind"].ToString() == "ClusterRole")["rules"]).ToList();
        var asked = _server.Requests.Select(Asked).ToList();
        Assert.True(asked.Count > 10, "the writers have not asked");
        var refused = asked.Concat(others).Distinct().ToList();
        refused.RemoveAll(need => rules.Exists(rule =>
            Has(rule, "verbs", need.Verb) && Has(rule, "apiGroups", need.Group) && Has(rule, "resources", need.Resource)));
        Assert.Empty(refused);
    }

    private static bool Has(YamlNode rule, string field, string value) => ((YamlSequenceNode)rule[field]).Any(item => item.ToString() == value);

    private static (string Verb, string Group, string Resource) Asked(string request)
    {
        var (method, path) = request.Split(' ') is [var first, var second] ? (first, second.Split('/')) : throw new FormatException(request);
        var group = path[0] == "apis" ? path[1] : "";
        var rest = path.Skip(path[0] == "apis" ? 3 : 2).ToList();
        if (rest is ["namespaces", _, _, ..])
        {
            rest = rest.GetRange(2, rest.Count - 2);
        }

        var verb = method switch
        {
            "GET" => rest.Count > 1 ? "get" : "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => throw new FormatException(request),
        };
        return (verb, group, rest.Count > 2 ? $"{rest[0]}/{rest[2]}" : rest[0]);
    }
}
