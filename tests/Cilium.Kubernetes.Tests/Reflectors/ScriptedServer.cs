using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cilium.Kubernetes.Tests.Reflectors;

/// <summary>An HTTP server on a free port that answers lists and watches as a test scripts them.</summary>
public sealed class ScriptedServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private ScriptedServer(WebApplication application) => _application = application;

    public ConcurrentQueue<string> Queries { get; } = [];

    /// <summary>Answers the n-th list, counted from 0.</summary>
    public Func<int, HttpContext, Task> OnList { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Answers the n-th watch, counted from 0.</summary>
    public Func<int, HttpContext, Task> OnWatch { get; set; } = (_, _) => Task.CompletedTask;

    public Uri Url => new(_application.Urls.First());

    public static async Task<ScriptedServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var application = builder.Build();
        var server = new ScriptedServer(application);
        int lists = -1, watches = -1;
        application.Run(context =>
        {
            server.Queries.Enqueue(context.Request.QueryString.Value ?? "");
            return context.Request.Query.ContainsKey("watch")
                ? server.OnWatch(Interlocked.Increment(ref watches), context)
                : server.OnList(Interlocked.Increment(ref lists), context);
        });
        await application.StartAsync();
        return server;
    }

    public static Task List(HttpContext context, string version, params string[] names) => context.Response.WriteAsync(
        $$"""{"kind":"NamespaceList","metadata":{"resourceVersion":"{{version}}"},"items":[{{string.Join(',', names.Select(name => Namespace(name, version)))}}]}""");

    public static async Task Line(HttpContext context, string type, string name, string version)
    {
        await context.Response.WriteAsync($$"""{"type":"{{type}}","object":{{Namespace(name, version)}}}""" + "\n");
        await context.Response.Body.FlushAsync();
    }

    public static string Namespace(string name, string version) =>
        $$"""{"metadata":{"name":"{{name}}","resourceVersion":"{{version}}","labels":{"v":"{{version}}"} } }""";

    /// <summary>Keeps the watch open until the client leaves.</summary>
    public static Task Hold(HttpContext context) => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _application.StopAsync(now.Token);
        await _application.DisposeAsync();
    }
}
