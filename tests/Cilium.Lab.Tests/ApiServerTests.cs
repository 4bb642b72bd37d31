using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Serving;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Tests;

/// <summary>The API as a client on the loopback sees it.</summary>
public sealed class ApiServerTests : IAsyncLifetime
{
    private readonly ClusterState state = TestCluster.Create();
    private readonly ClusterCertificates certificates = new(["localhost"], [IPAddress.Loopback], TimeProvider.System);
    private readonly ApiServer server;
    private HttpClient client = new();

    public ApiServerTests() =>
        server = new ApiServer(state.Registry, state.Deletion, new EchoingRuntime(), certificates, [new IPEndPoint(IPAddress.Loopback, 0)]);

    public async ValueTask InitializeAsync()
    {
        await server.StartAsync(CancellationToken.None);
        client = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, shown, _, _) => IsOurs(shown) }) { BaseAddress = server.Addresses[0] };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.Token);
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await server.DisposeAsync();
        certificates.Dispose();
    }

    [Fact]
    public async Task Without_the_token_there_is_nothing_to_see()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/v1/pods") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", "wrong") } };
        using var response = await client.SendAsync(request, CancellationToken.None);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Theory]
    [InlineData("api")]
    [InlineData("apis")]
    [InlineData("apis/apps/v1")]
    [InlineData("openapi/v3")]
    [InlineData("openapi/v3/apis/apps/v1")]
    [InlineData("version")]
    public async Task Discovery_documents_are_there(string path) => Assert.NotNull(JsonNode.Parse(await client.GetStringAsync(path, CancellationToken.None)));

    [Fact]
    public async Task Lists_come_in_parts()
    {
        for (var index = 0; index < 5; index++) state.Create(BuiltInKinds.ConfigMaps, "{\"metadata\":{\"name\":\"c" + index + "\"}}");
        var first = await GetAsync("api/v1/namespaces/default/configmaps?limit=3");
        var rest = await GetAsync($"api/v1/namespaces/default/configmaps?limit=3&continue={Uri.EscapeDataString(first.Text("metadata", "continue")!)}");

        Assert.Equal(2, first.Number("metadata", "remainingItemCount"));
        Assert.Equal(["c0", "c1", "c2", "c3", "c4"], first.Items("items").Concat(rest.Items("items")).Select(item => item.Name()));
        Assert.Null(rest.Text("metadata", "continue"));

        var cached = await GetAsync("api/v1/namespaces/default/configmaps?limit=3&resourceVersion=0");
        Assert.Equal(5, cached.Items("items").Count());
        Assert.Null(cached.Text("metadata", "continue"));
    }

    [Fact]
    public async Task All_parts_of_a_list_are_of_one_revision_and_a_watch_from_it_tells_what_came_since()
    {
        foreach (var name in (string[])["a", "c", "d"]) state.Create(BuiltInKinds.ConfigMaps, "{\"metadata\":{\"name\":\"" + name + "\"}}");
        var first = await GetAsync("api/v1/namespaces/default/configmaps?limit=2");
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"b"}}""");
        var rest = await GetAsync($"api/v1/namespaces/default/configmaps?limit=2&continue={Uri.EscapeDataString(first.Text("metadata", "continue")!)}");

        Assert.Equal(first.Text("metadata", "resourceVersion"), rest.Text("metadata", "resourceVersion"));
        Assert.Equal(["a", "c", "d"], first.Items("items").Concat(rest.Items("items")).Select(item => item.Name()));
        using var events = await WatchAsync($"api/v1/namespaces/default/configmaps?watch=1&resourceVersion={rest.Text("metadata", "resourceVersion")}");
        Assert.Equal(("ADDED", "b"), await NextAsync(events));
    }

    [Theory]
    [InlineData("default\nc0")]
    [InlineData("default\nc0\nx")]
    [InlineData("default\nc0\n-2")]
    [InlineData("default\nc0\n9999999")]
    [InlineData("nonsense")]
    public async Task A_continuation_that_is_none_is_a_bad_request(string token)
    {
        var encoded = Uri.EscapeDataString(Convert.ToBase64String(Encoding.UTF8.GetBytes(token)));
        using var response = await client.GetAsync($"api/v1/configmaps?limit=1&continue={encoded}", CancellationToken.None);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task A_continuation_of_a_forgotten_revision_is_gone_and_says_how_to_go_on()
    {
        foreach (var name in (string[])["a", "b", "d"]) state.Create(BuiltInKinds.ConfigMaps, "{\"metadata\":{\"name\":\"" + name + "\"}}");
        var first = await GetAsync("api/v1/namespaces/default/configmaps?limit=2");
        for (var index = 0; index < 20_010; index++) state.Store.Apply(new ObjectKey(BuiltInKinds.ConfigMaps, "default", "c"), _ => new JsonObject { ["metadata"] = new JsonObject { ["name"] = "c" }, ["n"] = index });
        using var response = await client.GetAsync(
            $"api/v1/namespaces/default/configmaps?limit=1&continue={Uri.EscapeDataString(first.Text("metadata", "continue")!)}", CancellationToken.None);

        Assert.Equal(HttpStatusCode.Gone, response.StatusCode);
        var status = (JsonObject)JsonNode.Parse(await response.Content.ReadAsStringAsync(CancellationToken.None))!;
        Assert.Equal(("Expired", 410), (status.Text("reason"), status.Number("code")));
        Assert.StartsWith("The provided continue parameter is too old to display a consistent list result.", status.Text("message"), StringComparison.Ordinal);
        var rest = await GetAsync($"api/v1/namespaces/default/configmaps?limit=1&continue={Uri.EscapeDataString(status.Text("metadata", "continue")!)}");
        Assert.Equal("c", rest.Items("items").Single().Name());
        Assert.Equal(state.Store.Revision, long.Parse(rest.Text("metadata", "resourceVersion")!, System.Globalization.CultureInfo.InvariantCulture));
        var last = await GetAsync($"api/v1/namespaces/default/configmaps?limit=1&continue={Uri.EscapeDataString(rest.Text("metadata", "continue")!)}");
        Assert.Equal("d", last.Items("items").Single().Name());
    }

    [Fact]
    public async Task A_watch_list_sends_what_is_there_a_bookmark_and_what_comes()
    {
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"a","labels":{"x":"y"}}}""");
        using var events = await WatchAsync("api/v1/namespaces/default/configmaps?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&labelSelector=x=y");
        Assert.Equal(("ADDED", "a"), await NextAsync(events));
        Assert.Equal("BOOKMARK", (await NextAsync(events)).Type);
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"other"}}""");
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"b","labels":{"x":"y"}}}""");
        Assert.Equal(("ADDED", "b"), await NextAsync(events));
        state.Patch(BuiltInKinds.ConfigMaps, "b", """{"metadata":{"labels":{"x":"z"}}}""");
        Assert.Equal(("DELETED", "b"), await NextAsync(events));
    }

    [Fact]
    public async Task A_watch_from_a_forgotten_revision_is_gone()
    {
        for (var index = 0; index < 20_010; index++) state.Store.Apply(new ObjectKey(BuiltInKinds.ConfigMaps, "default", "c"), _ => new JsonObject { ["metadata"] = new JsonObject { ["name"] = "c" }, ["n"] = index });
        using var response = await client.GetAsync("api/v1/configmaps?watch=1&resourceVersion=2", CancellationToken.None);

        Assert.Equal(HttpStatusCode.Gone, response.StatusCode);
    }

    [Theory]
    [InlineData("application/json-patch+json", """[{"op":"add","path":"/data","value":{"k":"v"}}]""")]
    [InlineData("application/merge-patch+json", """{"data":{"k":"v"}}""")]
    [InlineData("application/strategic-merge-patch+json", """{"data":{"k":"v"}}""")]
    [InlineData("application/apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap\ndata:\n  k: v\n")]
    public async Task All_kinds_of_patches_are_understood(string type, string patch)
    {
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"p"}}""");
        using var content = new StringContent(patch, Encoding.UTF8, MediaTypeHeaderValue.Parse(type));
        using var response = await client.PatchAsync("api/v1/namespaces/default/configmaps/p?fieldManager=test", content, CancellationToken.None);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("v", state.Store.Get(BuiltInKinds.ConfigMaps, "default", "p")!.Json.Text("data", "k"));
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    public async Task A_write_that_knows_nothing_of_managers_keeps_them(string method)
    {
        using var applied = new StringContent("apiVersion: v1\nkind: ConfigMap\ndata:\n  k: v\n", Encoding.UTF8, MediaTypeHeaderValue.Parse("application/apply-patch+yaml"));
        using var created = await client.PatchAsync("api/v1/namespaces/default/configmaps/p?fieldManager=test", applied, CancellationToken.None);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        var managed = (await GetAsync("api/v1/namespaces/default/configmaps/p")).At("metadata", "managedFields");
        Assert.Single((JsonArray)managed!);

        using var request = new HttpRequestMessage(new HttpMethod(method), "api/v1/namespaces/default/configmaps/p");
        request.Content = method == "PUT"
            ? new StringContent("""{"metadata":{"name":"p"},"data":{"k":"v"}}""", Encoding.UTF8, "application/json")
            : new StringContent("""{"metadata":{"managedFields":null}}""", Encoding.UTF8, "application/merge-patch+json");
        using var answer = await client.SendAsync(request, CancellationToken.None);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.True(JsonNode.DeepEquals(managed, (await GetAsync("api/v1/namespaces/default/configmaps/p")).At("metadata", "managedFields")));
    }

    [Theory]
    [InlineData("previous=true", "previous")]
    [InlineData("timestamps=true", "timestamps")]
    [InlineData("sinceSeconds=5", "sinceSeconds")]
    [InlineData("sinceTime=2026-01-02T03:04:05Z", "sinceTime")]
    [InlineData("limitBytes=5", "limitBytes")]
    public async Task Options_of_logs_that_would_be_ignored_are_refused_by_name(string query, string option)
    {
        state.Create(BuiltInKinds.Pods, """{"metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[{"name":"c","image":"nginx"}]}}""");
        Assert.Equal("log", await client.GetStringAsync("api/v1/namespaces/default/pods/p/log?previous=false&timestamps=false", CancellationToken.None));
        using var response = await client.GetAsync($"api/v1/namespaces/default/pods/p/log?{query}", CancellationToken.None);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains($"\"{option}\"", JsonNode.Parse(await response.Content.ReadAsStringAsync(CancellationToken.None)).Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scale_is_read_and_written()
    {
        state.Create(BuiltInKinds.Deployments, """{"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}""");
        using var content = new StringContent("""{"spec":{"replicas":4}}""", Encoding.UTF8, MediaTypeHeaderValue.Parse("application/merge-patch+json"));
        using var response = await client.PatchAsync("apis/apps/v1/namespaces/default/deployments/d/scale", content, CancellationToken.None);

        var scale = await GetAsync("apis/apps/v1/namespaces/default/deployments/d/scale");
        Assert.Equal((4, "a=b"), (scale.Number("spec", "replicas"), scale.Text("status", "selector")));
    }

    [Fact]
    public async Task Exec_carries_input_output_and_the_exit_code()
    {
        state.Create(BuiltInKinds.Pods, """{"metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[{"name":"c","image":"nginx"}]}}""");
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("v5.channel.k8s.io");
        socket.Options.SetRequestHeader("Authorization", $"Bearer {server.Token}");
        socket.Options.RemoteCertificateValidationCallback = (_, shown, _, _) => IsOurs(shown);
        var address = new UriBuilder(server.Addresses[0]) { Scheme = "wss", Path = "/api/v1/namespaces/default/pods/p/exec", Query = "command=x&stdin=true&stdout=true" };
        await socket.ConnectAsync(address.Uri, CancellationToken.None);
        await socket.SendAsync((byte[])[0, .. "hello"u8], WebSocketMessageType.Binary, true, CancellationToken.None);

        Assert.Equal((1, "hello"), await ReceiveAsync(socket));
        var (channel, status) = await ReceiveAsync(socket);
        Assert.Equal(3, channel);
        Assert.Contains("\"message\":\"7\"", status, StringComparison.Ordinal);
    }

    private bool IsOurs(X509Certificate? shown) => shown?.GetCertHashString() == certificates.Server.GetCertHashString();

    private static async Task<(int Channel, string Text)> ReceiveAsync(ClientWebSocket socket)
    {
        var buffer = new byte[4096];
        var received = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
        return (buffer[0], Encoding.UTF8.GetString(buffer, 1, received.Count - 1));
    }

    private async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await client.GetStringAsync(path, CancellationToken.None))!;

    private async Task<StreamReader> WatchAsync(string path) => new(await client.GetStreamAsync(path, CancellationToken.None));

    private static async Task<(string Type, string Name)> NextAsync(StreamReader events)
    {
        var change = JsonNode.Parse((await events.ReadLineAsync(CancellationToken.None))!);
        return (change.TextOr("", "type"), change.At("object").Name());
    }

    /// <summary>Gives back the first input and ends with code 7.</summary>
    private sealed class EchoingRuntime : IPodRuntime
    {
        public async Task<int> ExecAsync(ExecRequest request, IExecStreams streams, CancellationToken cancel)
        {
            await streams.WriteOutputAsync(await streams.ReadInputAsync(cancel), cancel);
            return 7;
        }

        public Task<int> AttachAsync(ExecRequest request, IExecStreams streams, CancellationToken cancel) => ExecAsync(request, streams, cancel);

        public Task CopyLogAsync(JsonObject pod, string? container, LogOptions options, Stream output, CancellationToken cancel) =>
            output.WriteAsync("log"u8.ToArray(), cancel).AsTask();

        public Task<Stream> ConnectAsync(JsonObject pod, int port, CancellationToken cancel) => Task.FromResult<Stream>(new MemoryStream());
    }
}
