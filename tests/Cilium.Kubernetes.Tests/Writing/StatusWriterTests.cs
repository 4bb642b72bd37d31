using System.Text.Json.Nodes;
using Cilium.Core;

namespace Cilium.Kubernetes.Tests.Writing;

/// <summary>Conditions of others stay as they are when ours is written: a merge patch replaces the whole list.</summary>
public sealed class StatusWriterTests : IDisposable
{
    private const string Other = """{"type":"example.com/Ready","status":"True","observedGeneration":7,"reason":"R","message":"M","lastTransitionTime":"2025-01-01T00:00:00Z"}""";
    private readonly FakeApiServer _server = new(new TestClock());

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task Conditions_of_others_on_a_service_keep_their_generation()
    {
        const string Path = "api/v1/namespaces/default/services/web";
        Put(Path);
        Assert.True(await new LoadBalancerStatusWriter(_server.Connection).SetServiceAsync(
            new NamespacedName("default", "web"), [IpAddr.Parse("192.0.2.1")], "cilium.io/IPAMRequestSatisfied", new StatusCondition("cilium.io/IPAMRequestSatisfied", "True", "satisfied", ""),
            CancellationToken.None));
        AssertKept(Path, "cilium.io/IPAMRequestSatisfied");
    }

    [Fact]
    public async Task Conditions_of_others_on_a_pool_keep_their_generation()
    {
        const string Path = "apis/cilium.io/v2/ciliumloadbalancerippools/blue";
        Put(Path);
        Assert.True(await new LoadBalancerStatusWriter(_server.Connection).SetPoolAsync("blue", [new StatusCondition("cilium.io/PoolConflict", "False", "resolved", "")], CancellationToken.None));
        AssertKept(Path, "cilium.io/PoolConflict");
    }

    [Fact]
    public async Task Conditions_of_others_on_a_policy_keep_their_generation()
    {
        const string Path = "apis/cilium.io/v2/namespaces/default/ciliumnetworkpolicies/rule";
        Put(Path);
        Assert.True(await new PolicyStatusWriter(_server.Connection).SetValidAsync(
            new PolicyObjectKey(PolicyObjectKind.CiliumNetworkPolicy, "default", "rule"), true, "", "Policy validation succeeded", CancellationToken.None));
        AssertKept(Path, "Valid");
    }

    private void Put(string path) => _server.Put(path, new JsonObject { ["status"] = new JsonObject { ["conditions"] = new JsonArray(JsonNode.Parse(Other)) } });

    private void AssertKept(string path, string ours)
    {
        var conditions = _server.Get(path)!["status"]!["conditions"]!.AsArray();
        Assert.Equal(["example.com/Ready", ours], conditions.Select(condition => condition!["type"]!.ToString()));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Other), conditions[0]), conditions[0]!.ToJsonString());
    }
}
