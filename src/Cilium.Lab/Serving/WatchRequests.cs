using System.Globalization;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Printing;
using Cilium.Lab.Storage;
using Microsoft.AspNetCore.Http;

namespace Cilium.Lab.Serving;

/// <summary>Streams changes to a client until it goes away, its time is up, or it has fallen too far behind.</summary>
internal sealed class WatchRequests(ObjectStore store, TablePrinter printer, TimeProvider clock)
{
    private static readonly TimeSpan BookmarkInterval = TimeSpan.FromMinutes(1); // as kube-apiserver

    public async Task WatchAsync(HttpContext context, RequestTarget target, CancellationToken stopping)
    {
        var query = context.Request.Query;
        var labels = LabelSelector.Parse(query["labelSelector"]);
        var fields = FieldSelector.Parse(query["fieldSelector"]);
        if (target.Name is { } single) fields = new FieldSelector([.. fields.Terms, (["metadata", "name"], single, true)]);
        bool Selected(StoredObject item) => InNamespace(target, item) && labels.Matches(item.Json.Labels()) && fields.Matches(item.Json);

        var seconds = int.TryParse(query["timeoutSeconds"], NumberStyles.None, CultureInfo.InvariantCulture, out var stated) && stated > 0 ? stated : 1800;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds), clock);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping, limit.Token);
        var bookmarks = query["allowWatchBookmarks"] == "true";
        var initial = query["sendInitialEvents"] == "true";
        var requested = query["resourceVersion"].ToString();
        var fromNow = initial || requested is "" or "0";

        var (present, revision) = fromNow ? store.List(target.Kind.Id, target.Kind.Namespaced ? target.Namespace : null) : ([], ParseRevision(requested));
        using var watch = store.Watch(revision, resource => resource == target.Kind.Id);
        var output = new EventStream(context, target, printer, ReadRequests.IncludeObject(context));
        await output.StartAsync(ended.Token);
        try
        {
            foreach (var item in present.Where(Selected)) await output.SendAsync("ADDED", item.Json, ended.Token);
            if (initial) await output.BookmarkAsync(revision, initialEventsEnd: true, ended.Token);
            output.Reached = revision;
            await output.FlushAsync(ended.Token);
            await PumpAsync(watch, output, Selected, bookmarks, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // What is still queued goes with the watch: the client gets it when it goes on from here. Who was not told all of the
            // beginning has nothing to go on from.
            if (limit.IsCancellationRequested && bookmarks && output.Reached is { } reached && !context.RequestAborted.IsCancellationRequested)
                await output.BookmarkAsync(store.RevisionOf(watch, reached), initialEventsEnd: false, context.RequestAborted);
        }
    }

    private async Task PumpAsync(StoreWatch watch, EventStream output, Func<StoredObject, bool> selected, bool bookmarks, CancellationToken cancel)
    {
        while (true)
        {
            var more = watch.Changes.WaitToReadAsync(cancel).AsTask();
            while (bookmarks && !more.IsCompleted)
            {
                using var tick = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                var pause = Task.Delay(BookmarkInterval, clock, tick.Token);
                var first = await Task.WhenAny(more, pause);
                await tick.CancelAsync();
                if (first == more) break;
                await output.BookmarkAsync(store.RevisionOf(watch, output.Reached!.Value), initialEventsEnd: false, cancel);
                await output.FlushAsync(cancel);
            }

            if (!await more) return;
            while (watch.Changes.TryRead(out var change))
            {
                var was = change.Previous is not null && selected(change.Previous);
                var isNow = change.Type != ChangeType.Deleted && selected(change.Object);
                var type = (was, isNow) switch
                {
                    (false, true) => "ADDED",
                    (true, true) => "MODIFIED",
                    (true, false) => "DELETED",
                    _ => null,
                };
                if (type is not null) await output.SendAsync(type, change.Object.Json, cancel, change.Object.Utf8);
                output.Reached = change.Revision;
                watch.Told();
            }

            await output.FlushAsync(cancel);
        }
    }

    private static bool InNamespace(RequestTarget target, StoredObject item) =>
        !target.Kind.Namespaced || target.Namespace is null || item.Key.Namespace == target.Namespace;

    private static long ParseRevision(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
            ? revision
            : throw ApiException.BadRequest($"Invalid value: \"{text}\": invalid resource version");

    /// <summary>One client's stream of events, one JSON document per line.</summary>
    private sealed class EventStream(HttpContext context, RequestTarget target, TablePrinter printer, string includeObject)
    {
        private readonly ResponseForm form = ResponseWriter.FormOf(context.Request);
        private bool headingsSent;

        /// <summary>The revision up to which the client was told everything; null while it is told what was there at first.</summary>
        public long? Reached { get; set; }

        public async Task StartAsync(CancellationToken cancel)
        {
            context.Response.StatusCode = 200;
            context.Response.ContentType = "application/json";
            await context.Response.StartAsync(cancel);
            await FlushAsync(cancel);
        }

        public async Task SendAsync(string type, JsonObject item, CancellationToken cancel, byte[]? utf8 = null)
        {
            item = ResponseWriter.InVersion(item, target.Kind, target.Version);
            byte[] body;
            switch (form)
            {
                case ResponseForm.Table:
                    var metadata = new JsonObject { ["resourceVersion"] = item.ResourceVersion() };
                    body = printer.Print(target.Kind, target.Version, [item], metadata, includeObject, headings: !headingsSent).ToUtf8();
                    headingsSent = true;
                    break;
                case ResponseForm.PartialMetadata:
                    body = ResponseWriter.Partial(item).ToUtf8();
                    break;
                default:
                    body = utf8 is not null && target.Version == target.Kind.StorageVersion ? utf8 : item.ToUtf8();
                    break;
            }

            await WriteAsync(type, body, cancel);
        }

        public Task BookmarkAsync(long revision, bool initialEventsEnd, CancellationToken cancel)
        {
            var metadata = new JsonObject { ["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture), ["creationTimestamp"] = null };
            if (initialEventsEnd) metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
            var item = new JsonObject { ["kind"] = target.Kind.Kind, ["apiVersion"] = target.Kind.ApiVersion(target.Version), ["metadata"] = metadata };
            var body = form == ResponseForm.Table
                ? printer.Print(target.Kind, target.Version, [], metadata.Copy(), "None", headings: false).ToUtf8()
                : item.ToUtf8();
            return WriteAsync("BOOKMARK", body, cancel);
        }

        public Task FlushAsync(CancellationToken cancel) => context.Response.Body.FlushAsync(cancel);

        private async Task WriteAsync(string type, byte[] body, CancellationToken cancel)
        {
            var line = new byte[body.Length + type.Length + 32];
            using var buffer = new MemoryStream(line);
            buffer.Write("{\"type\":\""u8);
            buffer.Write(System.Text.Encoding.ASCII.GetBytes(type));
            buffer.Write("\",\"object\":"u8);
            buffer.Write(body);
            buffer.Write("}\n"u8);
            await context.Response.Body.WriteAsync(line.AsMemory(0, (int)buffer.Position), cancel);
        }
    }
}
