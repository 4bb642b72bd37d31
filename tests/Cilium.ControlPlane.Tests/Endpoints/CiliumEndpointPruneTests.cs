using System.Text.Json.Nodes;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Tests;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class CiliumEndpointPruneTests : IDisposable
{
    private const string Collection = "apis/cilium.io/v2/namespaces/default/ciliumendpoints";
    private readonly TestTables _test = new();
    private readonly FakeApiServer _server = new(new TestClock());

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task One_object_that_cannot_be_deleted_shields_no_other()
    {
        foreach (var pod in Enumerable.Range(0, 20).Select(i => $"pod-{i:00}"))
        {
            _server.Put($"{Collection}/{pod}", new JsonObject { ["metadata"] = new JsonObject { ["uid"] = $"uid-{pod}" } });
            _test.Write(write => write.Upsert(
                _test.Kubernetes.CiliumEndpoints, new CiliumEndpointRow { Namespace = "default", Name = pod, Uid = $"uid-{pod}", NodeIP = _test.Self.IPv4 }));
        }

        _test.Write(write => write.Upsert(
            _test.Tables.CiliumEndpoints, new CiliumEndpointContent { Namespace = "default", Name = "pod-07", PodUid = "7" }));
        // The first that is tried, whichever that is.
        string? refused = null;
        _server.Before = (method, path) =>
        {
            if (method == HttpMethod.Delete && path == (Interlocked.CompareExchange(ref refused, path, null) ?? path))
            {
                throw new HttpRequestException("refused");
            }
        };
        var operations = new CiliumEndpointOperations(
            _test.Kubernetes.CiliumEndpoints, _test.Kubernetes.Pods, new CiliumEndpointWriter(_server.Connection), _test.Self);
        var failure = await Assert.ThrowsAnyAsync<Exception>(
            async () => await operations.PruneAsync(_test.Tables.CiliumEndpoints.Snapshot(), TestContext.Current.CancellationToken));
        Assert.Contains("refused", failure.Message, StringComparison.Ordinal);
        Assert.Equal(
            new[] { "pod-07", refused!.Split('/')[^1] }.Order(),
            _server.List(Collection).Select(endpoint => endpoint["metadata"]!["name"]!.ToString()).Order());
    }
}
