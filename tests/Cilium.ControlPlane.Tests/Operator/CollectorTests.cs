using System.Net;
using System.Text.Json.Nodes;
using Cilium.ControlPlane.Operator;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Operator;

public sealed class CollectorTests : IDisposable
{
    private const string Identities = "apis/cilium.io/v2/ciliumidentities";
    private const string Endpoints = "apis/cilium.io/v2/namespaces/default/ciliumendpoints";
    private const string Pods = "api/v1/namespaces/default/pods";
    private readonly TestClock _clock = new();
    private readonly FakeApiServer _server;
    private readonly KubernetesTables _tables = new(new StateStore());

    public CollectorTests() => _server = new FakeApiServer(_clock);

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task An_unused_identity_is_marked_first_and_deleted_when_the_mark_is_old_enough()
    {
        PutIdentity("300");
        PutIdentity("301");
        Endpoint("web", 301);
        await CollectIdentitiesAsync();
        Assert.Equal("2026-01-01T00:00:00Z", Mark("300"));
        Assert.Null(Mark("301"));
        _clock.Advance(TimeSpan.FromMinutes(29));
        await CollectIdentitiesAsync();
        Assert.NotNull(_server.Get($"{Identities}/300"));
        _clock.Advance(TimeSpan.FromMinutes(1));
        await CollectIdentitiesAsync();
        Assert.Null(_server.Get($"{Identities}/300"));
        Assert.NotNull(_server.Get($"{Identities}/301"));
    }

    [Fact]
    public async Task An_identity_that_is_used_again_loses_its_mark()
    {
        PutIdentity("300");
        await CollectIdentitiesAsync();
        Endpoint("web", 300);
        await CollectIdentitiesAsync();
        Assert.Null(Mark("300"));
        _clock.Advance(TimeSpan.FromHours(2));
        await CollectIdentitiesAsync();
        Assert.NotNull(_server.Get($"{Identities}/300"));
    }

    [Fact]
    public async Task An_identity_unmarked_at_the_last_moment_survives()
    {
        PutIdentity("300");
        await CollectIdentitiesAsync();
        _clock.Advance(TimeSpan.FromHours(1));
        Sync();
        _server.Before = (method, path) =>
        {
            if (method == HttpMethod.Delete && _server.Get(path) is { } present)
            {
                // An agent takes it up between our look and our deletion.
                present["metadata"]!["annotations"] = new JsonObject();
                _server.Put(path, present);
            }
        };
        await IdentityCollector().CollectAsync(CancellationToken.None);
        Assert.NotNull(_server.Get($"{Identities}/300"));
    }

    [Fact]
    public async Task Nothing_is_collected_before_the_tables_are_filled()
    {
        PutIdentity("300");
        Sync();
        _tables.CiliumEndpoints.RegisterInitializer("test");
        await IdentityCollector().CollectAsync(CancellationToken.None);
        Assert.Null(Mark("300"));
    }

    [Fact]
    public async Task Endpoints_without_a_living_pod_are_deleted_and_others_stay()
    {
        foreach (var (name, uid) in new[] { ("gone", "u1"), ("replaced", "u2"), ("finished", "u3"), ("alive", "u4"), ("late", "u5") })
        {
            Endpoint(name, 300, uid);
        }

        PutPod("replaced", "other", "Running");
        PutPod("finished", "u3", "Succeeded");
        PutPod("alive", "u4", "Running");
        SyncPods();

        // The table does not know this pod yet, but the server does.
        PutPod("late", "u5", "Pending");
        await new EndpointCollector(_tables.CiliumEndpoints, _tables.Pods, new CiliumEndpointWriter(_server.Connection), new OperatorMetrics(), NullLogger.Instance)
            .CollectAsync(CancellationToken.None);
        Assert.Equal(["alive", "late"], _server.List(Endpoints).Select(endpoint => endpoint["metadata"]!["name"]!.ToString()).Order());
    }

    [Fact]
    public async Task A_cilium_node_without_a_node_is_deleted_at_the_second_look()
    {
        _server.Put("apis/cilium.io/v2/ciliumnodes/n1", []);
        _server.Put("apis/cilium.io/v2/ciliumnodes/n2", []);
        _tables.Store.Write(transaction =>
        {
            transaction.Upsert(_tables.Nodes, new KubeNodeRow { Name = "n1" });
            transaction.Upsert(_tables.CiliumNodes, new CiliumNodeRow { Name = "n1" });
            transaction.Upsert(_tables.CiliumNodes, new CiliumNodeRow { Name = "n2" });
        });
        var loop = new CiliumNodeLoop(
            _tables.Nodes, _tables.CiliumNodes, new CiliumNodeWriter(_server.Connection), TimeSpan.FromMinutes(5), _clock, new Random(1), NullLogger.Instance);
        await loop.CollectAsync(CancellationToken.None);
        Assert.Equal(2, _server.List("apis/cilium.io/v2/ciliumnodes").Count);
        await loop.CollectAsync(CancellationToken.None);
        Assert.Equal("n1", Assert.Single(_server.List("apis/cilium.io/v2/ciliumnodes"))["metadata"]!["name"]!.ToString());
    }

    [Fact]
    public async Task A_cilium_node_whose_node_the_watch_does_not_tell_of_stays_while_the_server_has_that_node()
    {
        _server.Put("apis/cilium.io/v2/ciliumnodes/n1", []);
        _server.Put("api/v1/nodes/n1", []);
        _tables.Store.Write(transaction => transaction.Upsert(_tables.CiliumNodes, new CiliumNodeRow { Name = "n1" }));
        var loop = new CiliumNodeLoop(
            _tables.Nodes, _tables.CiliumNodes, new CiliumNodeWriter(_server.Connection), TimeSpan.FromMinutes(5), _clock, new Random(1), NullLogger.Instance);
        for (var look = 0; look < 4; look++)
        {
            await loop.CollectAsync(CancellationToken.None);
            Assert.Single(_server.List("apis/cilium.io/v2/ciliumnodes"));
        }

        _server.Remove("api/v1/nodes/n1");
        await loop.CollectAsync(CancellationToken.None);
        await loop.CollectAsync(CancellationToken.None);
        Assert.Empty(_server.List("apis/cilium.io/v2/ciliumnodes"));
    }

    [Fact]
    public async Task An_endpoint_that_the_server_keeps_does_not_keep_the_others()
    {
        foreach (var name in (string[])["a", "b", "c"])
        {
            Endpoint(name, 300);
        }

        SyncPods();
        Refuse(HttpMethod.Delete, $"{Endpoints}/a", $"{Endpoints}/b");
        await new EndpointCollector(_tables.CiliumEndpoints, _tables.Pods, new CiliumEndpointWriter(_server.Connection), new OperatorMetrics(), NullLogger.Instance)
            .CollectAsync(CancellationToken.None);
        Assert.Equal(["a", "b"], _server.List(Endpoints).Select(endpoint => endpoint["metadata"]!["name"]!.ToString()).Order());
    }

    [Fact]
    public async Task An_identity_that_the_server_keeps_does_not_keep_the_others()
    {
        foreach (var name in (string[])["300", "301", "302"])
        {
            PutIdentity(name);
        }

        Refuse(HttpMethod.Patch, $"{Identities}/300", $"{Identities}/301");
        await CollectIdentitiesAsync();
        Assert.Equal((null, null, "2026-01-01T00:00:00Z"), (Mark("300"), Mark("301"), Mark("302")));
        _server.Before = null;
        await CollectIdentitiesAsync();
        _clock.Advance(TimeSpan.FromMinutes(30));
        Refuse(HttpMethod.Delete, $"{Identities}/300", $"{Identities}/301");
        await CollectIdentitiesAsync();
        Assert.Equal(["300", "301"], _server.List(Identities).Select(identity => identity["metadata"]!["name"]!.ToString()).Order());
    }

    [Fact]
    public async Task A_cilium_node_that_the_server_keeps_does_not_keep_the_others_and_is_tried_at_the_next_look()
    {
        foreach (var name in (string[])["n1", "n2", "n3"])
        {
            _server.Put($"apis/cilium.io/v2/ciliumnodes/{name}", []);
            _tables.Store.Write(transaction => transaction.Upsert(_tables.CiliumNodes, new CiliumNodeRow { Name = name }));
        }

        var loop = new CiliumNodeLoop(
            _tables.Nodes, _tables.CiliumNodes, new CiliumNodeWriter(_server.Connection), TimeSpan.FromMinutes(5), _clock, new Random(1), NullLogger.Instance);
        await loop.CollectAsync(CancellationToken.None);
        Refuse(HttpMethod.Delete, "apis/cilium.io/v2/ciliumnodes/n1", "apis/cilium.io/v2/ciliumnodes/n2");
        await loop.CollectAsync(CancellationToken.None);
        Assert.Equal(["n1", "n2"], _server.List("apis/cilium.io/v2/ciliumnodes").Select(node => node["metadata"]!["name"]!.ToString()).Order());
        _server.Before = null;
        await loop.CollectAsync(CancellationToken.None);
        Assert.Empty(_server.List("apis/cilium.io/v2/ciliumnodes"));
    }

    [Fact]
    public async Task A_server_without_time_is_not_asked_for_each_object()
    {
        foreach (var name in (string[])["a", "b", "c"])
        {
            Endpoint(name, 300);
        }

        SyncPods();
        var asked = 0;
        _server.Before = (_, path) =>
        {
            asked++;
            throw new KubernetesException($"GET {path}", HttpStatusCode.ServiceUnavailable, "", "");
        };
        await Assert.ThrowsAsync<KubernetesException>(() => new EndpointCollector(
            _tables.CiliumEndpoints, _tables.Pods, new CiliumEndpointWriter(_server.Connection), new OperatorMetrics(), NullLogger.Instance).CollectAsync(CancellationToken.None));
        Assert.Equal(1, asked);
    }

    private void Refuse(HttpMethod method, params string[] paths) => _server.Before = (asked, path) =>
    {
        if (asked == method && paths.Contains(path))
        {
            throw new KubernetesException($"{method} {path}", HttpStatusCode.Forbidden, "Forbidden", "a policy of the cluster");
        }
    };

    private Task CollectIdentitiesAsync()
    {
        Sync();
        return IdentityCollector().CollectAsync(CancellationToken.None);
    }

    private IdentityCollector IdentityCollector() => new(
        _tables.CiliumIdentities, _tables.CiliumEndpoints, new CiliumIdentityWriter(_server.Connection), TimeSpan.FromMinutes(30), new OperatorMetrics(), _clock, NullLogger.Instance);

    private void PutIdentity(string name) =>
        _server.Put($"{Identities}/{name}", new JsonObject { ["security-labels"] = new JsonObject { ["k8s:app"] = name } });

    private void PutPod(string name, string uid, string phase) => _server.Put($"{Pods}/{name}", new JsonObject
    {
        ["metadata"] = new JsonObject { ["namespace"] = "default", ["uid"] = uid },
        ["status"] = new JsonObject { ["phase"] = phase },
    });

    private void Endpoint(string name, uint identity, string podUid = "")
    {
        _server.Put($"{Endpoints}/{name}", new JsonObject());
        var uid = _server.Get($"{Endpoints}/{name}")!["metadata"]!["uid"]!.ToString();
        _tables.Store.Write(transaction => transaction.Upsert(_tables.CiliumEndpoints, new CiliumEndpointRow
        {
            Namespace = "default",
            Name = name,
            Uid = uid,
            Identity = new Identity(identity),
            PodUid = podUid,
        }));
    }

    private void Sync() => _tables.Store.Write(transaction =>
        transaction.Replace(_tables.CiliumIdentities, _server.List(Identities).Select(TestRows.Identity)));

    private void SyncPods() => _tables.Store.Write(transaction => transaction.Replace(_tables.Pods, _server.List(Pods).Select(pod => new PodRow
    {
        Namespace = "default",
        Name = pod["metadata"]!["name"]!.ToString(),
        Uid = pod["metadata"]!["uid"]!.ToString(),
        Phase = pod["status"]!["phase"]!.ToString(),
    })));

    private string? Mark(string name) => _server.Get($"{Identities}/{name}")?["metadata"]?["annotations"]?["io.cilium.heartbeat"]?.ToString();
}
