using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Printing;
using Cilium.Lab.Storage;
using FsCheck.Xunit;

namespace Cilium.Lab.Tests;

public sealed class TablePrinterTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_pod_prints_as_kubectl_shows_it()
    {
        const string pod = """
            {"metadata":{"name":"p","creationTimestamp":"2026-01-02T03:03:05Z"},"spec":{"nodeName":"n","containers":[{"name":"a"},{"name":"b"}]},
            "status":{"phase":"Running","podIP":"10.0.0.1","containerStatuses":[{"ready":true,"restartCount":2,"state":{"running":{}}},{"ready":false,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}
            """;

        Assert.Equal(["p", "1/2", "CrashLoopBackOff", "2", "60s", "10.0.0.1", "n"], Row(BuiltInKinds.Pods, pod).Take(7));
    }

    [Theory]
    [InlineData("""{"type":"ClusterIP","clusterIP":"10.96.0.1","ports":[{"port":443,"protocol":"TCP"}]}""", "10.96.0.1", "<none>", "443/TCP")]
    [InlineData("""{"type":"LoadBalancer","clusterIP":"10.96.0.2","ports":[{"port":80,"nodePort":30080,"protocol":"TCP"}]}""", "10.96.0.2", "<pending>", "80:30080/TCP")]
    [InlineData("""{"type":"ClusterIP","clusterIP":"None"}""", "None", "<none>", "<none>")]
    public void A_service_prints_its_addresses_and_ports(string spec, string address, string outside, string ports)
    {
        var row = Row(BuiltInKinds.Services, $$"""{"metadata":{"name":"s"},"spec":{{spec}}}""");

        Assert.Equal([address, outside, ports], row.Skip(2).Take(3));
    }

    [Fact]
    public void A_cordoned_node_says_so() => Assert.Equal(
        "Ready,SchedulingDisabled",
        Row(BuiltInKinds.Nodes, """{"metadata":{"name":"n"},"spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}]}}""")[1]);

    [Theory]
    [InlineData(".a.b", "1")]
    [InlineData(".list[1]", "y")]
    [InlineData(".list[-1]", "y")]
    [InlineData(".list[*]", "x,y")]
    [InlineData(".conditions[?(@.type==\"Valid\")].status", "True")]
    [InlineData("{.labels['a/b']}", "z")]
    [InlineData(".missing.x", "")]
    public void Printer_paths_find_values(string path, string expected)
    {
        var document = JsonNode.Parse("""{"a":{"b":1},"list":["x","y"],"conditions":[{"type":"Other","status":"False"},{"type":"Valid","status":"True"}],"labels":{"a/b":"z"}}""")!;

        Assert.Equal(expected, string.Join(",", JsonPathExpression.Evaluate(document, path).Select(node => node.Display())));
    }

    [Theory]
    [InlineData(59, "59s")]
    [InlineData(150, "2m30s")]
    [InlineData(3 * 3600, "3h")]
    [InlineData((3 * 24 + 4) * 3600, "3d4h")]
    [InlineData(100 * 24 * 3600, "100d")]
    public void Ages_have_two_units_at_most(int seconds, string expected) => Assert.Equal(expected, AgeText.Of(TimeSpan.FromSeconds(seconds)));

    [Property(MaxTest = 300)]
    public void Paths_of_any_text_find_something_or_nothing(string path, int seed) =>
        Assert.Null(Record.Exception(() => JsonPathExpression.Evaluate(new RandomJson(seed).Object(), path)));

    [Property(MaxTest = 100)]
    public void Random_documents_print_in_every_kind(int seed)
    {
        var document = new RandomJson(seed).Object();
        Assert.Null(Record.Exception(() =>
        {
            foreach (var kind in BuiltInKinds.All) new TablePrinter(TimeProvider.System).Print(kind, kind.StorageVersion, [document], [], "Metadata");
        }));
    }

    private static List<string> Row(ResourceId resource, string json) =>
        [.. BuiltInColumns.For(resource).Select(column => column.Cell((JsonObject)JsonNode.Parse(json)!, Now).Display())];
}
