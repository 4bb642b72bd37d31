using System.Text.Json.Nodes;
using Cilium.Core;

namespace Cilium.Kubernetes.Tests.Nodes;

public sealed class CiliumNodeWriterTests : IDisposable
{
    private const string Path = "apis/cilium.io/v2/ciliumnodes/node-a";
    private static readonly CiliumNodeContent s_content = new() { Name = "node-a", NodeUid = "uid" };
    private readonly FakeApiServer _server = new(new TestClock());

    public void Dispose() => _server.Dispose();

    [Theory]
    [InlineData("10.0.0.9", "fd00::9", """{"ipv4":"10.0.0.9","ipv6":"fd00::9"}""")]
    [InlineData("10.0.0.9", "", """{"ipv4":"10.0.0.9"}""")]
    [InlineData("", "", "{}")]
    public async Task Addresses_of_the_health_endpoint_replace_what_stood_there(string ipv4, string ipv6, string expected)
    {
        _server.Put(Path, (JsonObject)JsonNode.Parse("""{"metadata":{"name":"node-a"},"spec":{"health":{"ipv4":"10.0.0.1","ipv6":"fd00::1"},"bootid":"b"}}""")!);

        await ApplyAsync(s_content with { Health = new HealthAddresses(Address(ipv4), Address(ipv6)) });

        Assert.Equal(expected, _server.Get(Path)!["spec"]!["health"]!.ToJsonString());
        Assert.Equal("b", (string?)_server.Get(Path)!["spec"]!["bootid"]);
    }

    [Fact]
    public async Task They_stay_when_nothing_is_said_of_them()
    {
        _server.Put(Path, (JsonObject)JsonNode.Parse("""{"metadata":{"name":"node-a"},"spec":{"health":{"ipv4":"10.0.0.1"}}}""")!);

        await ApplyAsync(s_content);

        Assert.Equal("""{"ipv4":"10.0.0.1"}""", _server.Get(Path)!["spec"]!["health"]!.ToJsonString());
    }

    [Fact]
    public async Task A_node_that_is_not_there_is_created_with_its_owner()
    {
        await ApplyAsync(s_content with { Health = new HealthAddresses(Address("10.0.0.9"), default) });

        var created = _server.Get(Path)!;
        Assert.Equal("10.0.0.9", (string?)created["spec"]!["health"]!["ipv4"]);
        Assert.Equal("uid", (string?)created["metadata"]!["ownerReferences"]![0]!["uid"]);
    }

    private static IpAddr Address(string text) => text.Length == 0 ? IpAddr.None : IpAddr.Parse(text);

    private Task ApplyAsync(CiliumNodeContent content) => new CiliumNodeWriter(_server.Connection).ApplyAsync(content, CancellationToken.None);
}
