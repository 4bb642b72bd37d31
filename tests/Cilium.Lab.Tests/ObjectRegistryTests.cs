using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;
using FsCheck.Xunit;

namespace Cilium.Lab.Tests;

public sealed class ObjectRegistryTests
{
    private const string Pod = """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx"}]}}""";
    private const string Deployment = """{"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}""";

    [Fact]
    public void Creation_sets_identity_and_defaults()
    {
        var pod = TestCluster.Create().Create(BuiltInKinds.Pods, Pod);

        Assert.NotEmpty(pod.Uid());
        Assert.Equal("Pending", pod.Text("status", "phase"));
        Assert.Equal("Always", pod.Text("spec", "restartPolicy"));
    }

    [Fact]
    public void A_status_in_a_new_object_is_not_taken()
    {
        var service = TestCluster.Create().Create(
            BuiltInKinds.Services,
            """{"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","ports":[{"port":80}]},"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}""");

        Assert.Empty(service.Items("status", "loadBalancer", "ingress"));
    }

    [Fact]
    public void A_kubelet_registers_its_node_with_a_status()
    {
        var node = TestCluster.Create().Create(
            BuiltInKinds.Nodes, "", (JsonObject)JsonNode.Parse("""{"metadata":{"name":"n"},"status":{"capacity":{"pods":"110"}}}""")!);

        Assert.Equal("110", node.Text("status", "capacity", "pods"));
    }

    [Fact]
    public void The_generation_counts_changes_of_the_specification_only()
    {
        var state = TestCluster.Create();
        state.Create(BuiltInKinds.Deployments, Deployment);
        var labelled = state.Patch(BuiltInKinds.Deployments, "d", """{"metadata":{"labels":{"x":"y"}}}""");
        var scaled = state.Patch(BuiltInKinds.Deployments, "d", """{"spec":{"replicas":3}}""");
        var reported = state.Patch(BuiltInKinds.Deployments, "d", """{"status":{"replicas":3},"spec":{"replicas":9}}""", "status");

        Assert.Equal(1, labelled.Number("metadata", "generation"));
        Assert.Equal(2, scaled.Number("metadata", "generation"));
        Assert.Equal(2, reported.Number("metadata", "generation"));
        Assert.Equal(3, reported.Number("spec", "replicas"));
        Assert.Equal(3, reported.Number("status", "replicas"));
    }

    [Fact]
    public void A_stale_update_is_a_conflict()
    {
        var state = TestCluster.Create();
        var first = state.Create(BuiltInKinds.Deployments, Deployment);
        state.Patch(BuiltInKinds.Deployments, "d", """{"spec":{"replicas":3}}""");
        var kind = state.Catalog.Get(BuiltInKinds.Deployments);

        var refusal = Assert.Throws<ApiException>(() =>
            state.Registry.Update(kind, "v1", new ObjectKey(kind.Id, "default", "d"), first.Copy(), null, WriteOptions.System));
        Assert.Equal("Conflict", refusal.Reason);
    }

    [Fact]
    public void A_finalizer_holds_an_object_until_it_is_removed()
    {
        var state = TestCluster.Create();
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"c","finalizers":["x/y"]}}""");
        state.Delete(BuiltInKinds.ConfigMaps, "default", "c");
        Assert.True(state.Store.Get(BuiltInKinds.ConfigMaps, "default", "c")!.Json.IsDeleting());

        state.Patch(BuiltInKinds.ConfigMaps, "c", """{"metadata":{"finalizers":null}}""");
        Assert.Null(state.Store.Get(BuiltInKinds.ConfigMaps, "default", "c"));
    }

    [Fact]
    public void A_pod_on_a_node_goes_when_its_node_says_so()
    {
        var state = TestCluster.Create();
        state.Create(BuiltInKinds.Pods, """{"metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[{"name":"c","image":"nginx"}]}}""");
        state.Delete(BuiltInKinds.Pods, "default", "p");
        Assert.Equal(30, state.Store.Get(BuiltInKinds.Pods, "default", "p")!.Json.Number("metadata", "deletionGracePeriodSeconds"));

        state.Delete(BuiltInKinds.Pods, "default", "p", new DeleteOptions { GracePeriodSeconds = 0 });
        Assert.Null(state.Store.Get(BuiltInKinds.Pods, "default", "p"));
    }

    [Fact]
    public void A_dry_run_stores_nothing()
    {
        var state = TestCluster.Create();
        var kind = state.Catalog.Get(BuiltInKinds.Pods);
        var pod = state.Registry.Create(kind, "v1", "default", (JsonObject)JsonNode.Parse(Pod)!, new WriteOptions { DryRun = true });

        Assert.Equal("p", pod.Name());
        Assert.Null(state.Store.Get(BuiltInKinds.Pods, "default", "p"));
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"p"},"spec":{}}""", "spec.containers")]
    [InlineData("""{"metadata":{"name":"P"},"spec":{"containers":[{"name":"c","image":"i"}]}}""", "metadata.name")]
    [InlineData("""{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c"}]}}""", "spec.containers[0].image")]
    public void Wrong_pods_are_refused_by_field(string json, string field)
    {
        var refusal = Assert.Throws<ApiException>(() => TestCluster.Create().Create(BuiltInKinds.Pods, json));
        Assert.Equal(422, refusal.Code);
        Assert.Contains(field, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "IPv4", 1)]
    [InlineData("""{"ipFamilyPolicy":"PreferDualStack","ipFamilies":["IPv6","IPv4"]}""", "IPv6", 2)]
    [InlineData("""{"ipFamilyPolicy":"SingleStack","ipFamilies":["IPv6"]}""", "IPv6", 1)]
    public void Services_get_addresses_of_their_families(string extra, string family, int count)
    {
        var spec = (JsonObject)JsonNode.Parse(extra)!;
        spec["ports"] = new JsonArray(new JsonObject { ["port"] = 80 });
        var service = TestCluster.Create().Create(BuiltInKinds.Services, "default", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "s" }, ["spec"] = spec });

        Assert.Equal(family, service.Items("spec", "ipFamilies").First().Display());
        Assert.Equal(count, service.Items("spec", "clusterIPs").Count());
        Assert.Equal(family == "IPv6", service.Text("spec", "clusterIP")!.Contains(':', StringComparison.Ordinal));
    }

    [Fact]
    public void A_service_address_is_free_again_after_its_service()
    {
        var state = TestCluster.Create();
        const string wanted = """{"metadata":{"name":"s"},"spec":{"clusterIP":"10.96.7.7","ports":[{"port":80}]}}""";
        state.Create(BuiltInKinds.Services, wanted);
        state.Delete(BuiltInKinds.Services, "default", "s");

        Assert.Equal("10.96.7.7", state.Create(BuiltInKinds.Services, wanted).Text("spec", "clusterIP"));
    }

    [Property(MaxTest = 200)]
    public void Any_object_is_stored_or_refused(int seed)
    {
        var state = TestCluster.Create();
        var random = new RandomJson(seed);
        foreach (var kind in BuiltInKinds.All)
        {
            var body = new JsonObject { ["metadata"] = random.Object(2), ["spec"] = Specification(random), ["status"] = random.Node() };
            body.Ensure("metadata")["name"] = "x";
            var failure = Record.Exception(() =>
            {
                state.Registry.Create(kind, kind.StorageVersion, "default", body, WriteOptions.System);
                state.Registry.Patch(kind, kind.StorageVersion, new ObjectKey(kind.Id, kind.Namespaced ? "default" : "", "x"), random.Object(), PatchType.Merge, null, WriteOptions.System);
            });
            Assert.True(failure is null or ApiException, $"{kind.Kind} {body.ToJsonString()}: {failure}");
        }
    }

    /// <summary>Random, with members that admissions look at.</summary>
    private static JsonObject Specification(RandomJson random)
    {
        var spec = random.Object();
        foreach (var name in (string[])["selector", "template", "ports", "ipFamilies", "clusterIPs", "clusterIP", "containers", "tolerations", "strategy", "names", "versions", "type"])
        {
            if (random.Node(0) is null) spec[name] = random.Node();
        }

        return spec;
    }
}
