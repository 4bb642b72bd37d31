using System.Text.Json;
using Cilium.Core.Tables;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using static Cilium.Kubernetes.Tests.Reflectors.ScriptedServer;

namespace Cilium.Kubernetes.Tests.Reflectors;

public sealed class ReflectorTests : IAsyncLifetime
{
    private readonly KubernetesTables _tables = new(new StateStore());
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromSeconds(60));
    private ScriptedServer _server = null!;
    private Task _running = Task.CompletedTask;

    public async ValueTask InitializeAsync() => _server = await StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await _server.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task A_list_and_its_watch_become_rows()
    {
        _server.OnList = (_, context) => List(context, "10", "a", "b");
        _server.OnWatch = async (_, context) =>
        {
            await Line(context, "ADDED", "c", "11");
            await Line(context, "DELETED", "a", "12");
            await Line(context, "MODIFIED", "b", "13");
            await Hold(context);
        };
        Run();
        await Until(() => Names() == "b,c" && Label("b") == "13");
        Assert.True(_tables.Namespaces.IsInitialized);
        Assert.Contains(_server.Queries, query => query.Contains("resourceVersion=0", StringComparison.Ordinal));
        Assert.Contains(_server.Queries, query => query.Contains("resourceVersion=10", StringComparison.Ordinal) && query.Contains("allowWatchBookmarks", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_kind_of_ones_own_is_followed_into_a_table_of_ones_own()
    {
        _server.OnList = (_, context) => List(context, "10", "a", "b");
        _server.OnWatch = async (_, context) =>
        {
            await Line(context, "DELETED", "a", "12");
            await Line(context, "ADDED", "c", "13");
            await Hold(context);
        };
        var widgets = _tables.Store.CreateTable<string, Widget>("widgets", widget => widget.Name);
        using var connection = new KubernetesConnection(new HttpClient(), _server.Url, TimeSpan.FromSeconds(30), TimeProvider.System);
        var reflectors = new KubernetesReflectors(connection, _tables, new ReflectorOptions(), NullLogger<KubernetesReflectors>.Instance)
            .Follow(new Resource("example.com", "v1", "widgets", "Widget", true), widgets, Decode);
        Assert.False(widgets.IsInitialized);
        var running = reflectors.RunAsync(_stop.Token);
        await widgets.WaitInitializedAsync(_stop.Token);
        await Until(() => string.Join(',', widgets.Snapshot().Keys.Order()) == "b,c");
        await _stop.CancelAsync();
        await running;

        static Widget? Decode(ReadOnlySpan<byte> json)
        {
            var reader = new Utf8JsonReader(json);
            return JsonElement.ParseValue(ref reader).GetProperty("metadata").GetProperty("name").GetString() is { } name ? new Widget(name) : null;
        }
    }

    [Fact]
    public async Task A_first_list_that_must_not_be_old_is_not_asked_of_a_cache()
    {
        _server.OnList = (_, context) => List(context, "10", "a");
        _server.OnWatch = (_, context) => Hold(context);
        Run(firstListMayBeOld: false);
        await Until(() => Names() == "a");
        Assert.DoesNotContain(_server.Queries, query => query.Contains("resourceVersion=0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Gone_lists_again_and_drops_what_the_list_lacks()
    {
        _server.OnList = (n, context) => n == 0 ? List(context, "10", "a", "b") : List(context, "90", "b", "c");
        _server.OnWatch = async (n, context) =>
        {
            if (n == 0)
            {
                await context.Response.WriteAsync("""{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}""" + "\n");
                return;
            }

            await Hold(context);
        };
        Run();
        await Until(() => Names() == "b,c");
        Assert.DoesNotContain(_server.Queries.Where(query => !query.Contains("watch", StringComparison.Ordinal)).Skip(1), query => query.Contains("resourceVersion=0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Gone_as_an_http_status_lists_again_too()
    {
        _server.OnList = (n, context) => n == 0 ? List(context, "10", "a") : List(context, "90", "b");
        _server.OnWatch = (n, context) =>
        {
            context.Response.StatusCode = n == 0 ? 410 : 200;
            return n == 0 ? context.Response.WriteAsync("""{"kind":"Status","code":410,"reason":"Gone"}""") : Hold(context);
        };
        Run();
        await Until(() => Names() == "b");
    }

    [Fact]
    public async Task A_watch_cut_in_the_middle_of_a_line_goes_on_behind_the_last_whole_one()
    {
        _server.OnList = (_, context) => List(context, "10", "a");
        _server.OnWatch = async (n, context) =>
        {
            if (n == 0)
            {
                await Line(context, "ADDED", "b", "11");
                await context.Response.WriteAsync("""{"type":"ADDED","object":{"metad""");
                await context.Response.Body.FlushAsync();

                // A reset throws away what the client has not read yet.
                await Until(() => Names() == "a,b");
                context.Abort();
                return;
            }

            await Line(context, "ADDED", "c", "12");
            await Hold(context);
        };
        Run();
        await Until(() => Names() == "a,b,c");
        Assert.Single(_server.Queries, query => !query.Contains("watch", StringComparison.Ordinal));
        Assert.Contains(_server.Queries, query => query.Contains("watch", StringComparison.Ordinal) && query.Contains("resourceVersion=11", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("this is no JSON")]
    [InlineData("""{"type":"ADDED"}""")]
    [InlineData("""{"type":"NEWS","object":{}}""")]
    [InlineData("[1,2]")]
    public async Task A_bad_line_lists_again(string line)
    {
        _server.OnList = (n, context) => n == 0 ? List(context, "10", "a") : List(context, "20", "b");
        _server.OnWatch = async (n, context) =>
        {
            if (n == 0)
            {
                await context.Response.WriteAsync(line + "\n");
            }

            await Hold(context);
        };
        Run();
        await Until(() => Names() == "b");
    }

    [Fact]
    public async Task An_object_that_cannot_be_read_does_not_hide_the_others()
    {
        _server.OnList = (_, context) => context.Response.WriteAsync(
            $$$"""{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"bad","labels":{"x":[1]} } },{{{Namespace("good", "5")}}},{}]}""");
        _server.OnWatch = (_, context) => Hold(context);
        Run();
        await _tables.Namespaces.WaitInitializedAsync(_stop.Token);
        Assert.Equal("good", Names());
    }

    [Fact]
    public async Task Pages_of_a_list_are_put_together()
    {
        _server.OnList = (_, context) => context.Request.Query["continue"] == "next"
            ? List(context, "7", "b")
            : context.Response.WriteAsync($$"""{ "metadata": {"resourceVersion":"7","continue":"next"},"items":[{{Namespace("a", "7")}}] }""");
        _server.OnWatch = (_, context) => Hold(context);
        Run();
        await _tables.Namespaces.WaitInitializedAsync(_stop.Token);
        Assert.Equal("a,b", Names());
    }

    [Fact]
    public async Task While_the_server_fails_rows_stay_and_nothing_counts_as_initialized_before_the_first_list()
    {
        _server.OnList = (n, context) =>
        {
            context.Response.StatusCode = n < 3 ? 503 : 200;
            return n < 3 ? context.Response.WriteAsync("<html>overloaded</html>") : List(context, "10", "a");
        };
        var watches = 0;
        _server.OnWatch = (n, context) =>
        {
            watches = n + 1;
            context.Response.StatusCode = 500;
            return Task.CompletedTask;
        };
        Assert.True(_tables.Namespaces.IsInitialized);
        Run();
        Assert.False(_tables.Namespaces.IsInitialized);
        await Until(() => watches > 3);
        Assert.Equal("a", Names());
        Assert.True(_tables.Namespaces.IsInitialized);
    }

    [Fact]
    public async Task A_bookmark_moves_the_version_on()
    {
        _server.OnList = (_, context) => List(context, "10", "a");
        _server.OnWatch = (n, context) => n == 0
            ? context.Response.WriteAsync("""{"type":"BOOKMARK","object":{"kind":"Namespace","metadata":{"resourceVersion":"55"}}}""" + "\n")
            : Hold(context);
        Run();
        await Until(() => _server.Queries.Any(query => query.Contains("resourceVersion=55", StringComparison.Ordinal)));
        Assert.Equal("a", Names());
    }

    /// <summary>One table that silently stops would make half an agent look healthy.</summary>
    [Fact]
    public async Task A_reflector_that_fails_for_good_ends_all_of_them()
    {
        using var client = new HttpClient(new HoldsAllBut("/services")) { Timeout = Timeout.InfiniteTimeSpan };
        using var connection = new KubernetesConnection(client, new Uri("http://api.test/"), TimeSpan.FromMinutes(5), TimeProvider.System);
        var reflectors = new KubernetesReflectors(connection, _tables, new ReflectorOptions(), NullLogger<KubernetesReflectors>.Instance).FollowNamespaces().FollowServices();

        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => reflectors.RunAsync(_stop.Token).WaitAsync(TimeSpan.FromSeconds(60)));

        Assert.Equal("broken", failure.Message);
    }

    /// <summary>Never answers, and fails in a way that is not the network's for paths that end as said.</summary>
    private sealed class HoldsAllBut(string suffix) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.AbsolutePath.EndsWith(suffix, StringComparison.Ordinal))
            {
                throw new InvalidOperationException("broken");
            }

            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException("never reached");
        }
    }

    private sealed record Widget(string Name);

    private void Run(bool firstListMayBeOld = true)
    {
        var connection = new KubernetesConnection(
            new HttpClient { Timeout = Timeout.InfiniteTimeSpan }, _server.Url, TimeSpan.FromSeconds(60), TimeProvider.System);
        var options = new ReflectorOptions
        {
            RetryMinimum = TimeSpan.FromMilliseconds(1),
            RetryMaximum = TimeSpan.FromMilliseconds(10),
            Random = new Random(1),
            FirstListMayBeOld = firstListMayBeOld,
        };
        var reflectors = new KubernetesReflectors(connection, _tables, options, NullLogger<KubernetesReflectors>.Instance).FollowNamespaces();
        _running = reflectors.RunAsync(_stop.Token);
    }

    private string Names() => string.Join(',', _tables.Namespaces.Snapshot().Keys.Order(StringComparer.Ordinal));

    private string? Label(string name) => _tables.Namespaces.TryGet(name, out var row) ? row.Labels.ValueOrNull("v") : null;

    private async Task Until(Func<bool> condition)
    {
        while (!condition())
        {
            _stop.Token.ThrowIfCancellationRequested();
            await Task.Delay(2, _stop.Token);
        }
    }
}
