using System.Text.Json.Nodes;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class EndpointStoreTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-store-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("id", null)]
    [InlineData("id", "\"7\"")]
    [InlineData("id", "70000")]
    [InlineData("container-id", null)]
    [InlineData("container-id", "null")]
    [InlineData("container-id", "\"\"")]
    [InlineData("container-interface-name", "null")]
    [InlineData("interface-name", "null")]
    [InlineData("interface-index", "\"x\"")]
    [InlineData("pod-mac", "null")]
    [InlineData("host-mac", null)]
    [InlineData("ipv4", "null")]
    [InlineData("ipv6", "{}")]
    [InlineData("pod-namespace", "null")]
    [InlineData("pod-name", null)]
    [InlineData("pod-uid", "null")]
    [InlineData("netns-path", "null")]
    [InlineData("netns-cookie", "null")]
    [InlineData("created-at", "\"yesterday\"")]
    [InlineData("identity", "-1")]
    [InlineData("labels", "null")]
    [InlineData("labels", null)]
    [InlineData("labels", "[null]")]
    [InlineData("pod-ports", "[null]")]
    [InlineData("pod-ports", "[{\"name\":null,\"port\":80,\"protocol\":6,\"host-port\":0}]")]
    [InlineData("pod-ports", "80")]
    public void A_file_with_a_wrong_member_is_told_and_laid_aside(string member, string? value)
    {
        var store = new EndpointStore(_directory);
        store.Save(Record(1));
        store.Save(Record(7));
        var content = (JsonObject)JsonNode.Parse(File.ReadAllText(PathOf(7)))!;
        if (value is null)
            content.Remove(member);
        else
            content[member] = JsonNode.Parse(value);
        AssertIsLaidAside(content.ToJsonString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{ \"id\": 7")]
    [InlineData("{ \"id\": 7 }")]
    public void A_file_that_is_no_endpoint_is_told_and_laid_aside(string content)
    {
        new EndpointStore(_directory).Save(Record(1));
        AssertIsLaidAside(content);
    }

    [Fact]
    public void A_file_without_ports_is_of_an_earlier_version()
    {
        var store = new EndpointStore(_directory);
        store.Save(Record(7) with { PodPorts = null });
        var (records, problems) = store.Load();
        Assert.Empty(problems);
        Assert.Empty(Assert.Single(records).ToIdentity()!.PodPorts);
    }

    [Fact]
    public void A_folder_without_a_file_is_told_and_removed()
    {
        Directory.CreateDirectory(Path.Combine(_directory, "state", "8"));
        Directory.CreateDirectory(Path.Combine(_directory, "state", "globals"));
        var (records, problems) = new EndpointStore(_directory).Load();
        Assert.Empty(records);
        Assert.Single(problems);
        Assert.Equal(["globals"], Directory.GetDirectories(Path.Combine(_directory, "state")).Select(Path.GetFileName));
    }

    private void AssertIsLaidAside(string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(7))!);
        File.WriteAllText(PathOf(7), content);
        var store = new EndpointStore(_directory);

        var (records, problems) = store.Load();
        Assert.Equal(1, Assert.Single(records).Id);
        var problem = Assert.Single(problems);
        Assert.Contains(PathOf(7), problem, StringComparison.Ordinal);
        var kept = Path.Combine(_directory, "state", "7_unreadable", "ep_config.json");
        Assert.Contains(Path.GetDirectoryName(kept)!, problem, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(kept));

        // It is told once, and another may have the number.
        store.Save(Record(7));
        (records, problems) = store.Load();
        Assert.Equal([1, 7], records.Select(record => record.Id).Order());
        Assert.Empty(problems);
        Assert.True(File.Exists(kept));

        // The same happens to it: the newer file is the one to look at.
        File.WriteAllText(PathOf(7), "again");
        Assert.Single(store.Load().Problems);
        Assert.Equal("again", File.ReadAllText(kept));
    }

    private string PathOf(int id) => Path.Combine(_directory, "state", $"{id}", "ep_config.json");

    private static EndpointRecord Record(ushort id) => EndpointRecord.Of(
        TestTables.Endpoint(id, "pod-a", $"10.0.0.{id}"),
        new EndpointIdentityRow
        {
            Id = new EndpointId(id),
            Identity = new Identity(4711),
            Labels = TestTables.LabelsOf("a"),
            PodPorts = [new Cilium.Kubernetes.ContainerPort("http", 80, L4Protocol.Tcp, 0)],
        });
}
