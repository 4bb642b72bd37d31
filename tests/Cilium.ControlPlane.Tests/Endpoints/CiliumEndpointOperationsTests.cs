using System.Text;
using System.Text.Json.Nodes;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Tests;

namespace Cilium.ControlPlane.Tests.Endpoints;

/// <summary>A pod of a StatefulSet that was deleted by force lives on another node under its name, while its former node still has its endpoint.</summary>
public sealed class CiliumEndpointOperationsTests : IDisposable
{
    private const string Collection = "apis/cilium.io/v2/namespaces/default/ciliumendpoints";
    private const string Here = "172.18.0.2";
    private const string Elsewhere = "172.18.0.3";
    private readonly FakeApiServer _server = new(TimeProvider.System);
    private readonly TestTables _test = new();

    public void Dispose() => _server.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_object_of_another_node_is_not_written_over(bool isSeen)
    {
        Put("pod-a", Elsewhere);
        if (isSeen)
        {
            See();
        }

        var failures = await ApplyAsync(Content("pod-a"));

        Assert.Equal(("pod-a", Elsewhere), (Assert.Single(failures).Key.Name, NodeOf("pod-a")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_object_of_another_node_is_taken_over_for_a_pod_that_is_here(bool isSeen)
    {
        Put("pod-a", Elsewhere);
        if (isSeen)
        {
            See();
        }

        _test.Write(write => write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a")));

        Assert.Empty(await ApplyAsync(Content("pod-a")));
        Assert.Equal(Here, NodeOf("pod-a"));
    }

    [Fact]
    public async Task An_object_of_another_pod_of_the_name_is_not_written_over()
    {
        Put("pod-a", Elsewhere);
        _test.Write(write => write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a") with { Uid = "another" }));

        Assert.Single(await ApplyAsync(Content("pod-a")));
        Assert.Equal(Elsewhere, NodeOf("pod-a"));
    }

    [Fact]
    public async Task An_object_of_our_own_is_changed_without_its_pod_and_made_when_it_is_gone()
    {
        Put("pod-a", Here);
        See();
        Assert.Empty(await ApplyAsync(Content("pod-a")));
        Assert.Equal("uid-pod-a", OwnerOf("pod-a"));

        _server.Remove($"{Collection}/pod-a");
        Assert.Empty(await ApplyAsync(Content("pod-a")));
        Assert.Equal("uid-pod-a", OwnerOf("pod-a"));
    }

    [Fact]
    public async Task A_successor_of_our_object_that_was_not_seen_yet_is_not_written_over()
    {
        Put("pod-a", Here);
        See();
        _server.Remove($"{Collection}/pod-a");
        Put("pod-a", Elsewhere);

        Assert.Single(await ApplyAsync(Content("pod-a")));
        Assert.Equal(Elsewhere, NodeOf("pod-a"));
    }

    [Fact]
    public async Task What_was_not_seen_yet_is_deleted_if_it_is_ours()
    {
        Put("pod-a", Elsewhere);
        Put("pod-b", Here);

        Assert.Empty(await DeleteAsync("pod-a", "pod-b", "pod-c"));

        Assert.Equal("pod-a", Assert.Single(_server.List(Collection))["metadata"]!["name"]!.ToString());
    }

    [Fact]
    public async Task An_object_that_names_no_node_is_not_pruned()
    {
        Put("pod-a", Elsewhere);
        Put("pod-b", Here);
        Put("pod-c", "");
        See();

        await New().PruneAsync(_test.Tables.CiliumEndpoints.Snapshot(), CancellationToken.None);

        Assert.Equal(["pod-a", "pod-c"], _server.List(Collection).Select(value => value["metadata"]!["name"]!.ToString()).Order());
    }

    private CiliumEndpointOperations New() => new(
        _test.Kubernetes.CiliumEndpoints, _test.Kubernetes.Pods, new CiliumEndpointWriter(_server.Connection), _test.Self);

    private Task<IReadOnlyDictionary<NamespacedName, Exception>> ApplyAsync(CiliumEndpointContent content) =>
        RunAsync(new TableChange<NamespacedName, CiliumEndpointContent>(content.Key, null, content, 1));

    private Task<IReadOnlyDictionary<NamespacedName, Exception>> DeleteAsync(params string[] names) =>
        RunAsync([.. names.Select(name => new TableChange<NamespacedName, CiliumEndpointContent>(Content(name).Key, Content(name), null, 1))]);

    private async Task<IReadOnlyDictionary<NamespacedName, Exception>> RunAsync(params TableChange<NamespacedName, CiliumEndpointContent>[] changes)
    {
        var batch = new ReconcileBatch<NamespacedName, CiliumEndpointContent>(changes);
        await New().ApplyAsync(batch, CancellationToken.None);
        return batch.Failures;
    }

    private CiliumEndpointContent Content(string name) =>
        new() { Namespace = "default", Name = name, PodUid = "uid-" + name, NodeIP = _test.Self.IPv4, IPv4 = IpAddr.Parse("10.0.0.5") };

    private string? NodeOf(string name) => _server.Get($"{Collection}/{name}")?["status"]?["networking"]?["node"]?.ToString();

    private string? OwnerOf(string name) => _server.Get($"{Collection}/{name}")?["metadata"]?["ownerReferences"]?[0]?["uid"]?.ToString();

    private void Put(string name, string node) => _server.Put($"{Collection}/{name}", new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
        ["status"] = new JsonObject { ["networking"] = new JsonObject { ["node"] = node } },
    });

    // As a watch would tell.
    private void See() => _test.Write(write => write.Replace(
        _test.Kubernetes.CiliumEndpoints,
        _server.List(Collection).Select(value => CiliumDecoders.CiliumEndpoint(Encoding.UTF8.GetBytes(value.ToJsonString()))!).ToList()));
}
