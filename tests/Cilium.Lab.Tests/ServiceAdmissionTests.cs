using System.Net;
using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Lab.Tests;

/// <summary>Who has which address and node port.</summary>
public sealed class ServiceAdmissionTests
{
    private readonly ClusterState state = TestCluster.Create();

    [Fact]
    public void A_dry_run_claims_nothing()
    {
        var kind = state.Catalog.Get(BuiltInKinds.Services);
        state.Registry.Create(kind, "v1", "default", Service("tried", 30500, "10.96.7.7"), new WriteOptions { DryRun = true });

        var stored = state.Create(BuiltInKinds.Services, "default", Service("meant", 30500, "10.96.7.7"));
        Assert.Equal(("10.96.7.7", 30500), (stored.Text("spec", "clusterIP"), NodePort(stored)));
    }

    [Fact]
    public void A_refused_service_claims_nothing()
    {
        var wrong = Service("wrong", 30500, "10.96.7.7");
        wrong.Items("spec", "ports").Single()!["port"] = 0;
        Assert.Equal(422, Assert.Throws<ApiException>(() => state.Create(BuiltInKinds.Services, "default", wrong)).Code);

        var stored = state.Create(BuiltInKinds.Services, "default", Service("right", 30500, "10.96.7.7"));
        Assert.Equal(("10.96.7.7", 30500), (stored.Text("spec", "clusterIP"), NodePort(stored)));
    }

    [Fact]
    public void A_node_port_of_another_service_is_refused_and_stays_with_its_owner()
    {
        state.Create(BuiltInKinds.Services, "default", Service("first", 30500));
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var refusal = Assert.Throws<ApiException>(() => state.Create(BuiltInKinds.Services, "default", Service("second", 30500)));
            Assert.Equal((422, "Invalid"), (refusal.Code, refusal.Reason));
            Assert.Contains("spec.ports[0].nodePort: Invalid value: 30500: provided port is already allocated", refusal.Message, StringComparison.Ordinal);
        }

        state.Create(BuiltInKinds.Services, "default", Service("second", null));
        Assert.Throws<ApiException>(() => state.Patch(BuiltInKinds.Services, "second", """{"spec":{"ports":[{"port":80,"nodePort":30500}]}}"""));
        state.Delete(BuiltInKinds.Services, "default", "second");
        Assert.Throws<ApiException>(() => state.Create(BuiltInKinds.Services, "default", Service("third", 30500)));

        state.Delete(BuiltInKinds.Services, "default", "first");
        Assert.Equal(30500, NodePort(state.Create(BuiltInKinds.Services, "default", Service("third", 30500))));
    }

    [Theory]
    [InlineData("""{"name":"a","port":80,"nodePort":30500},{"name":"b","port":81,"nodePort":30500}""", "spec.ports[1].nodePort: Duplicate value: 30500")]
    [InlineData("""{"name":"a","port":80},{"name":"b","port":80,"targetPort":81}""", "spec.ports[1]: Duplicate value: {\"port\":80,\"protocol\":\"TCP\"}")]
    [InlineData("""{"name":"a","port":53,"nodePort":30500},{"name":"b","port":53,"protocol":"UDP","nodePort":30500}""", null)]
    public void Two_ports_of_a_service_differ(string ports, string? cause)
    {
        var service = (JsonObject)JsonNode.Parse($$$"""{"metadata":{"name":"s"},"spec":{"type":"NodePort","ports":[{{{ports}}}]}}""")!;
        var refusal = Record.Exception(() => state.Create(BuiltInKinds.Services, "default", service)) as ApiException;

        Assert.Equal(cause is null ? null : 422, refusal?.Code);
        if (cause is not null) Assert.Contains(cause, refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_service_keeps_its_node_port_over_writes_and_frees_it_with_its_type()
    {
        var first = NodePort(state.Create(BuiltInKinds.Services, "default", Service("s", null)));
        Assert.Equal(first, NodePort(state.Patch(BuiltInKinds.Services, "s", """{"metadata":{"labels":{"x":"y"}},"spec":{"ports":[{"port":80}]}}""")));
        state.Patch(BuiltInKinds.Services, "s", """{"spec":{"type":"ClusterIP"}}""");
        Assert.Equal(first, NodePort(state.Create(BuiltInKinds.Services, "default", Service("t", first))));
    }

    [Fact]
    public void Chosen_node_ports_avoid_the_stated_ones_and_the_range_has_an_end()
    {
        var ports = new JsonArray(new JsonObject { ["name"] = "chosen", ["port"] = 80 }, new JsonObject { ["name"] = "stated", ["port"] = 81, ["nodePort"] = 30080 });
        var both = new JsonObject { ["metadata"] = new JsonObject { ["name"] = "both" }, ["spec"] = new JsonObject { ["type"] = "NodePort", ["ports"] = ports } };
        Assert.Equal([30081, 30080], state.Create(BuiltInKinds.Services, "default", both).Items("spec", "ports").Select(port => port.Number("nodePort")!.Value));

        var all = new JsonArray([.. Enumerable.Range(1, 2766).Select(port => (JsonNode?)new JsonObject { ["name"] = $"p{port}", ["port"] = port })]);
        state.Create(BuiltInKinds.Services, "default", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "all" }, ["spec"] = new JsonObject { ["type"] = "NodePort", ["ports"] = all } });
        var refusal = Assert.Throws<ApiException>(() => state.Create(BuiltInKinds.Services, "default", Service("late", null)));
        Assert.Equal((500, "InternalError", "Internal error occurred: failed to allocate a nodePort: range is full"), (refusal.Code, refusal.Reason, refusal.Message));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(80)]
    [InlineData(29999)]
    [InlineData(32768)]
    [InlineData(70000)]
    public void A_node_port_outside_the_range_is_refused(long port)
    {
        var refusal = Assert.Throws<ApiException>(() => state.Create(BuiltInKinds.Services, "default", Service("s", port)));
        Assert.Equal((422, "Invalid"), (refusal.Code, refusal.Reason));
        Assert.Equal(
            $"Service \"s\" is invalid: spec.ports[0].nodePort: Invalid value: {port}: provided port is not in the valid range. The range of valid ports is 30000-32767",
            refusal.Message);
    }

    [Theory]
    [InlineData(30000)]
    [InlineData(32767)]
    public void The_ends_of_the_range_are_in_it(long port) => Assert.Equal(port, NodePort(state.Create(BuiltInKinds.Services, "default", Service("s", port))));

    [Fact]
    public void A_range_without_a_free_address_is_told()
    {
        var small = new ClusterState([IPNetwork.Parse("10.96.0.0/29")], TimeProvider.System, NullLogger.Instance);
        small.Create(BuiltInKinds.Namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "default" } });
        var given = Enumerable.Range(0, 6).Select(index => small.Create(BuiltInKinds.Services, "default", Service($"s{index}", null)).Text("spec", "clusterIP"));
        Assert.Equal(6, given.Distinct().Count());

        var refusal = Assert.Throws<ApiException>(() => small.Create(BuiltInKinds.Services, "default", Service("late", null)));
        Assert.Equal((500, "InternalError", "Internal error occurred: failed to allocate a serviceIP: range is full"), (refusal.Code, refusal.Reason, refusal.Message));
        Assert.Null(small.Store.Get(BuiltInKinds.Services, "default", "late"));
        var headless = Service("headless", null, "None");
        headless.Members("spec")!["type"] = "ClusterIP";
        Assert.Equal("None", small.Create(BuiltInKinds.Services, "default", headless).Text("spec", "clusterIP"));

        small.Delete(BuiltInKinds.Services, "default", "s3");
        Assert.NotNull(small.Create(BuiltInKinds.Services, "default", Service("late", null)).Text("spec", "clusterIP"));
    }

    [Fact]
    public async Task Services_made_and_deleted_at_once_never_share_an_address()
    {
        var small = new ClusterState([IPNetwork.Parse("10.96.0.0/24")], TimeProvider.System, NullLogger.Instance);
        small.Create(BuiltInKinds.Namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "default" } });
        var held = new System.Collections.Concurrent.ConcurrentDictionary<string, string>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(() =>
        {
            for (var round = 0; round < 300; round++)
            {
                var name = $"w{worker}r{round}";
                var address = small.Create(BuiltInKinds.Services, "default", Service(name, null)).Text("spec", "clusterIP")!;
                Assert.True(held.TryAdd(address, name), $"{address} has {name} and {held.GetValueOrDefault(address)}");
                held.TryRemove(address, out _);
                small.Delete(BuiltInKinds.Services, "default", name);
            }
        })));

        var left = Enumerable.Range(0, 200).Select(index => small.Create(BuiltInKinds.Services, "default", Service($"left{index}", null)).Text("spec", "clusterIP")).ToList();
        Assert.Equal(200, left.Distinct().Count());
    }

    [Fact]
    public void A_load_balancer_of_local_traffic_has_a_port_for_health_checks()
    {
        var port = HealthPort(state.Create(BuiltInKinds.Services, """{"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","externalTrafficPolicy":"Local","ports":[{"port":80}]}}"""))!.Value;
        Assert.InRange(port, 30000, 32767);
        Assert.NotEqual(port, NodePort(state.Store.Get(BuiltInKinds.Services, "default", "s")!.Json));
        Assert.Equal(port, HealthPort(state.Patch(BuiltInKinds.Services, "s", """{"metadata":{"labels":{"x":"y"}},"spec":{"healthCheckNodePort":null}}""")));
        Assert.Contains(
            "spec.healthCheckNodePort: Invalid value: 30999: field is immutable",
            Assert.Throws<ApiException>(() => state.Patch(BuiltInKinds.Services, "s", """{"spec":{"healthCheckNodePort":30999}}""")).Message,
            StringComparison.Ordinal);

        // Nobody else gets it until the service needs it no more.
        Assert.Throws<ApiException>(() => state.Create(BuiltInKinds.Services, "default", Service("t", port)));
        Assert.Null(HealthPort(state.Patch(BuiltInKinds.Services, "s", """{"spec":{"externalTrafficPolicy":"Cluster"}}""")));
        Assert.Equal(port, NodePort(state.Create(BuiltInKinds.Services, "default", Service("t", port))));
    }

    [Theory]
    [InlineData("LoadBalancer", "Cluster")]
    [InlineData("NodePort", "Local")]
    public void Other_services_have_no_port_for_health_checks(string type, string policy) => Assert.Null(HealthPort(state.Create(
        BuiltInKinds.Services, $$$"""{"metadata":{"name":"s"},"spec":{"type":"{{{type}}}","externalTrafficPolicy":"{{{policy}}}","ports":[{"port":80}]}}""")));

    [Theory]
    [InlineData(30600, null)]
    [InlineData(80, "spec.healthCheckNodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767")]
    [InlineData(30500, "spec.healthCheckNodePort: Invalid value: 30500: provided port is already allocated")]
    [InlineData(30700, "spec.healthCheckNodePort: Invalid value: 30700: provided port is already allocated")]
    public void A_port_for_health_checks_may_be_named(long port, string? cause)
    {
        state.Create(BuiltInKinds.Services, "default", Service("other", 30500));
        var service = (JsonObject)JsonNode.Parse(
            $$$"""{"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","externalTrafficPolicy":"Local","healthCheckNodePort":{{{port}}},"ports":[{"port":80,"nodePort":30700}]}}""")!;
        var refusal = Record.Exception(() => state.Create(BuiltInKinds.Services, "default", service)) as ApiException;

        if (cause is null) Assert.Equal(port, HealthPort(state.Store.Get(BuiltInKinds.Services, "default", "s")!.Json));
        else Assert.Contains(cause, refusal!.Message, StringComparison.Ordinal);
    }

    private static long? HealthPort(JsonObject service) => service.Number("spec", "healthCheckNodePort");

    private static JsonObject Service(string name, long? nodePort, string? address = null)
    {
        var port = new JsonObject { ["port"] = 80 };
        if (nodePort is not null) port["nodePort"] = nodePort;
        var spec = new JsonObject { ["type"] = "NodePort", ["ports"] = new JsonArray(port) };
        if (address is not null) spec["clusterIP"] = address;
        return new JsonObject { ["metadata"] = new JsonObject { ["name"] = name }, ["spec"] = spec };
    }

    private static long NodePort(JsonObject service) => service.Items("spec", "ports").First().Number("nodePort")!.Value;
}
