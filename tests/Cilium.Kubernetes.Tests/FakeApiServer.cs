using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Cilium.Kubernetes.Tests;

/// <summary>An API server in memory, behind an HttpClient: single objects, lists, merge patches, preconditions. Watches are told to tests directly.</summary>
public sealed class FakeApiServer : HttpMessageHandler
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, JsonObject> _objects = [];
    private readonly List<(string Path, JsonObject? After)> _log = [];
    private readonly Random? _interleave;
    private readonly TimeProvider _time;
    private long _version;

    /// <param name="time">Stamps creations.</param>
    /// <param name="interleave">Requests yield a random number of times before and after they take effect; null for none.</param>
    public FakeApiServer(TimeProvider time, Random? interleave = null)
    {
        _time = time;
        _interleave = interleave;
        Connection = new KubernetesConnection(new HttpClient(this), new Uri("http://api.test/"), TimeSpan.FromSeconds(30), time);
    }

    public KubernetesConnection Connection { get; }

    /// <summary>When set, requests fail as if nobody listened.</summary>
    public bool IsAway { get; set; }

    /// <summary>Called with verb and path before a request takes effect; may change objects, as a rival would.</summary>
    public Action<HttpMethod, string>? Before { get; set; }

    public ConcurrentQueue<string> Requests { get; } = [];

    public JsonObject? Get(string path)
    {
        lock (_lock)
        {
            return _objects.TryGetValue(path, out var value) ? (JsonObject)value.DeepClone() : null;
        }
    }

    public IReadOnlyList<JsonObject> List(string collection)
    {
        lock (_lock)
        {
            return [.. _objects.Where(pair => IsIn(pair.Key, collection)).Select(pair => (JsonObject)pair.Value.DeepClone())];
        }
    }

    public void Put(string path, JsonObject value)
    {
        lock (_lock)
        {
            Store(path, value, _objects.GetValueOrDefault(path));
        }
    }

    public void Remove(string path)
    {
        lock (_lock)
        {
            if (_objects.Remove(path))
            {
                _log.Add((path, null));
            }
        }
    }

    /// <summary>What happened since a point in time, and the new point.</summary>
    public (IReadOnlyList<(string Path, JsonObject? After)> Changes, int Position) ChangesSince(int position, int maximum)
    {
        lock (_lock)
        {
            var count = Math.Min(maximum, _log.Count - position);
            return (_log.GetRange(position, count), position + count);
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        await InterleaveAsync();
        if (IsAway)
        {
            throw new HttpRequestException("nobody listens");
        }

        var path = request.RequestUri!.AbsolutePath.Trim('/');
        var body = request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken);
        Before?.Invoke(request.Method, path);
        HttpResponseMessage response;
        lock (_lock)
        {
            Requests.Enqueue($"{request.Method} {path}");
            response = Handle(request.Method.Method, path, request.RequestUri.Query, body);
        }

        await InterleaveAsync();
        return response;
    }

    private async Task InterleaveAsync()
    {
        var turns = 0;
        if (_interleave is not null)
        {
            lock (_interleave)
            {
                turns = _interleave.Next(4);
            }
        }

        for (var i = 0; i < turns; i++)
        {
            await Task.Yield();
        }
    }

    private HttpResponseMessage Handle(string method, string path, string query, string? body)
    {
        if (path == "healthz")
        {
            return Answer(HttpStatusCode.OK, new JsonObject());
        }

        var target = path.EndsWith("/status", StringComparison.Ordinal) ? path[..^"/status".Length] : path;
        var content = body is null ? null : (JsonObject?)JsonNode.Parse(body);
        var present = _objects.GetValueOrDefault(target);
        switch (method)
        {
            case "GET" when present is not null:
                return Answer(HttpStatusCode.OK, present);
            case "GET" when IsCollection(path):
                return ListAnswer(path, query);
            case "POST":
                return Create(path, content!);
            case "PUT" or "PATCH" when present is not null:
                return Change(method, target, present, content!);
            case "DELETE" when present is not null:
                return Delete(target, present, content);
            default:
                return Refuse(HttpStatusCode.NotFound, "NotFound", $"{path} not found");
        }
    }

    private HttpResponseMessage Create(string collection, JsonObject value)
    {
        var path = $"{collection}/{value["metadata"]!["name"]}";
        return _objects.ContainsKey(path)
            ? Refuse(HttpStatusCode.Conflict, "AlreadyExists", $"{path} already exists")
            : Answer(HttpStatusCode.Created, Store(path, value, null));
    }

    private HttpResponseMessage Change(string method, string path, JsonObject present, JsonObject change)
    {
        if (change["metadata"]?["resourceVersion"] is { } wanted && wanted.ToString() != present["metadata"]!["resourceVersion"]!.ToString())
        {
            return Refuse(HttpStatusCode.Conflict, "Conflict", "the object has been modified");
        }

        if (change["metadata"]?["uid"] is { } uid && uid.ToString() != present["metadata"]!["uid"]!.ToString())
        {
            return Refuse(HttpStatusCode.UnprocessableEntity, "Invalid", "metadata.uid: field is immutable");
        }

        return Answer(HttpStatusCode.OK, Store(path, method == "PUT" ? change : (JsonObject)Merge(present, change)!, present));
    }

    private HttpResponseMessage Delete(string path, JsonObject present, JsonObject? options)
    {
        var preconditions = options?["preconditions"];
        foreach (var field in new[] { "uid", "resourceVersion" })
        {
            if (preconditions?[field] is { } wanted && wanted.ToString() != present["metadata"]![field]!.ToString())
            {
                return Refuse(HttpStatusCode.Conflict, "Conflict", $"precondition failed: {field}");
            }
        }

        _objects.Remove(path);
        _log.Add((path, null));
        return Answer(HttpStatusCode.OK, present);
    }

    private HttpResponseMessage ListAnswer(string collection, string query)
    {
        var parameters = query.TrimStart('?').Split('&').Select(part => part.Split('=', 2)).Where(part => part.Length == 2)
            .ToDictionary(part => part[0], part => Uri.UnescapeDataString(part[1]));
        var items = _objects.Where(pair => IsIn(pair.Key, collection)).Select(pair => pair.Value);
        if (parameters.TryGetValue("labelSelector", out var selector))
        {
            var wanted = selector.Split(',').Select(part => part.Split('=', 2)).ToList();
            items = items.Where(item => wanted.TrueForAll(pair => item["metadata"]?["labels"]?[pair[0]]?.ToString() == pair[1]));
        }

        return Answer(HttpStatusCode.OK, new JsonObject
        {
            ["kind"] = "List",
            ["metadata"] = new JsonObject { ["resourceVersion"] = _version.ToString() },
            ["items"] = new JsonArray([.. items.Select(item => item.DeepClone())]),
        });
    }

    private JsonObject Store(string path, JsonObject value, JsonObject? before)
    {
        var stored = (JsonObject)value.DeepClone();
        var metadata = (JsonObject)(stored["metadata"] ??= new JsonObject());
        _version++;
        metadata["name"] ??= path[(path.LastIndexOf('/') + 1)..];
        metadata["uid"] = before?["metadata"]?["uid"]?.ToString() ?? metadata["uid"]?.ToString() ?? $"uid-{_version}";
        metadata["creationTimestamp"] = before?["metadata"]?["creationTimestamp"]?.ToString() ?? _time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'");
        metadata["resourceVersion"] = _version.ToString();
        _objects[path] = stored;
        _log.Add((path, (JsonObject)stored.DeepClone()));
        return stored;
    }

    private static JsonNode? Merge(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch?.DeepClone();
        }

        var result = target is JsonObject present ? (JsonObject)present.DeepClone() : [];
        foreach (var (name, value) in changes)
        {
            if (value is null)
            {
                result.Remove(name);
            }
            else
            {
                result[name] = Merge(result[name], value);
            }
        }

        return result;
    }

    private static bool IsCollection(string path) => path.Split('/') is var parts && (parts.Length % 2 == (parts[0] == "apis" ? 0 : 1));

    private static bool IsIn(string path, string collection)
    {
        if (path.StartsWith(collection + "/", StringComparison.Ordinal) && path.IndexOf('/', collection.Length + 1) < 0)
        {
            return true;
        }

        // The whole cluster's collection of a namespaced kind.
        var slash = collection.LastIndexOf('/');
        var parts = path.Split('/');
        return path.StartsWith(collection[..slash] + "/namespaces/", StringComparison.Ordinal) && parts[^2] == collection[(slash + 1)..];
    }

    private static HttpResponseMessage Answer(HttpStatusCode status, JsonObject value) =>
        new(status) { Content = new StringContent(value.ToJsonString(), Encoding.UTF8, "application/json") };

    private static HttpResponseMessage Refuse(HttpStatusCode status, string reason, string message) =>
        Answer(status, new JsonObject { ["kind"] = "Status", ["reason"] = reason, ["message"] = message, ["code"] = (int)status });
}
