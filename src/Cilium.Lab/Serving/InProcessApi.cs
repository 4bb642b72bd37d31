using System.Collections.Concurrent;
using System.Net;
using Cilium.Lab.Cluster;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Lab.Serving;

/// <summary>The cluster's API as the handler of an <see cref="HttpClient"/> in this process: no socket, no certificate, whatever clock.</summary>
/// <remarks>Thread-safe. Pods are objects only: nothing runs them, so nothing can be asked of them.</remarks>
internal sealed class InProcessApi : HttpMessageHandler
{
    private const string Token = "in-process";
    private readonly ClusterState state;
    private readonly ApiHandler handler;
    private readonly ConcurrentDictionary<WatchBody, bool> watches = [];
    private readonly CancellationTokenSource stopping = new();
    private int answering;

    /// <param name="serviceRanges">Service ranges; the family of the first is the default one of services.</param>
    /// <param name="clock">Stamps objects and ends watches.</param>
    public InProcessApi(IReadOnlyList<IPNetwork> serviceRanges, TimeProvider clock)
    {
        state = new ClusterState(serviceRanges, clock, NullLogger.Instance);
        handler = ApiHandler.Over(state.Registry, state.Deletion, new NoPods(), Token);
    }

    /// <summary>Whether no request is being answered, and every open watch was told all that has happened and asks for more.</summary>
    public bool IsQuiet => Volatile.Read(ref answering) == 0 && state.Store.IsQuiet && watches.Keys.All(watch => watch.IsQuiet);

    /// <summary>The revision of the last write.</summary>
    public long Revision => state.Store.Revision;

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref answering);
        try
        {
            var context = new DefaultHttpContext();
            await FillAsync(context.Request, request, cancellationToken);
            return context.Request.Query.ContainsKey("watch") ? await WatchAsync(context) : await AnswerAsync(context);
        }
        finally
        {
            Interlocked.Decrement(ref answering);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !stopping.IsCancellationRequested)
        {
            stopping.Cancel();
            foreach (var watch in watches.Keys) watch.Dispose();
        }

        base.Dispose(disposing);
    }

    private static async Task FillAsync(HttpRequest target, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        target.Method = request.Method.Method;
        target.Path = PathString.FromUriComponent(request.RequestUri!);
        target.QueryString = QueryString.FromUriComponent(request.RequestUri!);
        target.Headers.Accept = request.Headers.Accept.ToString();
        target.Headers.UserAgent = request.Headers.UserAgent.ToString();
        target.Headers.Authorization = $"Bearer {Token}";
        if (request.Content is null) return;
        target.ContentType = request.Content.Headers.ContentType?.ToString();
        target.Body = await request.Content.ReadAsStreamAsync(cancellationToken);
    }

    private async Task<HttpResponseMessage> AnswerAsync(DefaultHttpContext context)
    {
        var body = new MemoryStream();
        context.Response.Body = body;
        await handler.HandleAsync(context, stopping.Token);
        return Response(context, new ByteArrayContent(body.GetBuffer(), 0, (int)body.Length));
    }

    private async Task<HttpResponseMessage> WatchAsync(DefaultHttpContext context)
    {
        var body = new WatchBody(watch => watches.TryRemove(watch, out _));
        context.Response.Body = body.Output;
        context.RequestAborted = body.Abandoned;
        watches[body] = true;
        var running = handler.HandleAsync(context, stopping.Token);
        _ = running.ContinueWith(ended => body.Complete(ended.Exception?.InnerException), TaskScheduler.Default);
        await Task.WhenAny(running, body.Started);
        return Response(context, new StreamContent(body));
    }

    private static HttpResponseMessage Response(DefaultHttpContext context, HttpContent content)
    {
        var response = new HttpResponseMessage((HttpStatusCode)context.Response.StatusCode) { Content = content };
        if (context.Response.ContentType is { } type) content.Headers.TryAddWithoutValidation("Content-Type", type);
        foreach (var warning in context.Response.Headers["Warning"]) response.Headers.TryAddWithoutValidation("Warning", warning);
        return response;
    }

    private sealed class NoPods : IPodRuntime
    {
        public Task<int> ExecAsync(ExecRequest request, IExecStreams streams, CancellationToken cancel) => throw None();

        public Task<int> AttachAsync(ExecRequest request, IExecStreams streams, CancellationToken cancel) => throw None();

        public Task CopyLogAsync(System.Text.Json.Nodes.JsonObject pod, string? container, LogOptions options, Stream output, CancellationToken cancel) => throw None();

        public Task<Stream> ConnectAsync(System.Text.Json.Nodes.JsonObject pod, int port, CancellationToken cancel) => throw None();

        private static Storage.ApiException None() => Storage.ApiException.BadRequest("no node runs pods here");
    }
}
