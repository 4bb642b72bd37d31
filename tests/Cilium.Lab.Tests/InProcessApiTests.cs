using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Serving;

namespace Cilium.Lab.Tests;

/// <summary>The API as a client in the same process sees it.</summary>
public sealed class InProcessApiTests : IDisposable
{
    private readonly InProcessApi api = new([IPNetwork.Parse("10.96.0.0/16")], TimeProvider.System);
    private readonly HttpClient client;

    public InProcessApiTests() => client = new HttpClient(api) { BaseAddress = new Uri("http://api.test/") };

    public void Dispose() => client.Dispose();

    [Fact]
    public async Task Objects_are_created_listed_changed_and_deleted_with_optimistic_concurrency()
    {
        Assert.Equal(HttpStatusCode.Created, (await CreateAsync("a")).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await CreateAsync("a")).StatusCode);
        var list = await JsonAsync("api/v1/namespaces");
        Assert.Equal(["a"], list.Items("items").Select(item => item.Name()));
        using var stale = new StringContent("""{"metadata":{"resourceVersion":"1","labels":{"x":"y"}}}""", Encoding.UTF8, "application/merge-patch+json");
        Assert.Equal(HttpStatusCode.Conflict, (await client.PatchAsync("api/v1/namespaces/a", stale)).StatusCode);
        using var patch = new StringContent("""{"metadata":{"labels":{"x":"y"}}}""", Encoding.UTF8, "application/merge-patch+json");
        Assert.Equal(HttpStatusCode.OK, (await client.PatchAsync("api/v1/namespaces/a", patch)).StatusCode);
        Assert.Equal("y", (await JsonAsync("api/v1/namespaces/a")).Labels()!["x"].AsText());
        Assert.Equal(HttpStatusCode.NotFound, (await client.DeleteAsync("api/v1/namespaces/b")).StatusCode);
        Assert.True(api.IsQuiet);
    }

    [Fact]
    public async Task A_watch_is_quiet_only_when_its_reader_has_worked_off_what_it_was_told()
    {
        await CreateAsync("a");
        using var answer = await client.GetAsync("api/v1/namespaces?watch=1&resourceVersion=1", HttpCompletionOption.ResponseHeadersRead);
        await using var stream = await answer.Content.ReadAsStreamAsync();
        var buffer = new byte[65536];
        Assert.Equal("a", Name(buffer, await stream.ReadAsync(buffer)));

        // The reader holds what it was told: it may still be at work with it.
        Assert.False(api.IsQuiet);
        var more = stream.ReadAsync(buffer).AsTask();
        await UntilAsync(() => api.IsQuiet);
        Assert.False(more.IsCompleted);
        await CreateAsync("b");
        Assert.Equal("b", Name(buffer, await more));
        Assert.False(api.IsQuiet);

        // Who goes away is not waited for.
        await stream.DisposeAsync();
        await UntilAsync(() => api.IsQuiet);
        await CreateAsync("c");
        await UntilAsync(() => api.IsQuiet);
    }

    [Fact]
    public async Task A_watch_from_a_version_before_history_is_refused()
    {
        using var answer = await client.GetAsync("api/v1/namespaces?watch=1&resourceVersion=-5", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        using var past = await client.GetAsync("api/v1/namespaces?watch=1&resourceVersion=00", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.Gone, past.StatusCode);
    }

    [Fact]
    public async Task The_end_of_the_server_ends_watches()
    {
        using var answer = await client.GetAsync("api/v1/namespaces?watch=1", HttpCompletionOption.ResponseHeadersRead);
        await using var stream = await answer.Content.ReadAsStreamAsync();
        var read = stream.ReadAsync(new byte[16]).AsTask();
        api.Dispose();
        Assert.Equal(0, await read.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    private async Task<HttpResponseMessage> CreateAsync(string name)
    {
        using var body = new StringContent($$$"""{"metadata":{"name":"{{{name}}}"}}""", Encoding.UTF8, "application/json");
        return await client.PostAsync("api/v1/namespaces", body);
    }

    private async Task<JsonObject> JsonAsync(string path) => (JsonObject)JsonNode.Parse(await client.GetStringAsync(path))!;

    private static string Name(byte[] line, int length) => JsonNode.Parse(line.AsSpan(0, length)).Members("object").Name();

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!holds()) await Task.Delay(1, limit.Token);
    }
}
