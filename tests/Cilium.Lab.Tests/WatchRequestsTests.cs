using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Printing;
using Cilium.Lab.Serving;
using Cilium.Lab.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Cilium.Lab.Tests;

/// <summary>What a watch says last, when its time is up.</summary>
public sealed class WatchRequestsTests
{
    private readonly FakeTimeProvider clock = new();
    private readonly ClusterState state = TestCluster.Create();

    [Fact]
    public async Task The_last_bookmark_names_no_change_that_was_not_sent()
    {
        var begin = state.Store.Revision;
        var body = new NarrowBody(room: 1);
        var running = Watch($"resourceVersion={begin}", body);
        var sent = state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"sent"}}""").ResourceVersion();
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"stuck"}}""");
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"queued"}}""");
        await body.Full;
        clock.Advance(TimeSpan.FromSeconds(5));
        await running;

        Assert.Equal(["ADDED sent", "BOOKMARK"], body.Lines.Select(Describe));
        Assert.Equal(sent, body.Lines[^1].Members("object")!.ResourceVersion());
    }

    [Fact]
    public async Task A_watch_that_ends_while_it_sends_what_is_there_has_no_bookmark()
    {
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"sent"}}""");
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"stuck"}}""");
        var body = new NarrowBody(room: 1);
        var running = Watch("resourceVersion=0", body);
        await body.Full;
        clock.Advance(TimeSpan.FromSeconds(5));
        await running;

        Assert.Equal(["ADDED sent"], body.Lines.Select(Describe));
    }

    [Fact]
    public async Task A_watch_that_has_sent_everything_ends_at_the_present()
    {
        var body = new NarrowBody(room: 1);
        var running = Watch($"resourceVersion={state.Store.Revision}", body);
        state.Create(BuiltInKinds.ConfigMaps, """{"metadata":{"name":"sent"}}""");
        state.Create(BuiltInKinds.Secrets, """{"metadata":{"name":"of-another-kind"}}""");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!state.Store.IsQuiet) await Task.Delay(1, patience.Token);
        clock.Advance(TimeSpan.FromSeconds(5));
        await running;

        Assert.Equal($"{state.Store.Revision}", body.Lines[^1].Members("object")!.ResourceVersion());
    }

    private Task Watch(string query, NarrowBody body)
    {
        var context = new DefaultHttpContext();
        context.Request.QueryString = new QueryString($"?watch=1&allowWatchBookmarks=true&timeoutSeconds=5&{query}");
        context.Response.Body = body;
        var target = new RequestTarget(state.Catalog.Get(BuiltInKinds.ConfigMaps), "v1", "default", null, null);
        return new WatchRequests(state.Store, new TablePrinter(clock), clock).WatchAsync(context, target, CancellationToken.None);
    }

    private static string Describe(JsonObject line) => line.Text("type") == "BOOKMARK" ? "BOOKMARK" : $"{line.Text("type")} {line.Members("object")!.Name()}";

    /// <summary>A connection that takes so many lines, then none until a write is given up.</summary>
    private sealed class NarrowBody(int room) : MemoryStream
    {
        private readonly TaskCompletionSource full = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool isStuck;

        public List<JsonObject> Lines { get; } = [];

        public Task Full => full.Task;

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Lines.Count == room && !isStuck && buffer.Span.IndexOf("BOOKMARK"u8) < 0)
            {
                isStuck = true;
                full.SetResult();
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            Lines.Add((JsonObject)JsonNode.Parse(buffer.Span)!);
        }
    }
}
