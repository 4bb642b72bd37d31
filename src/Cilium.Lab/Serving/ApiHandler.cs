using System.Text.Json.Nodes;
using Cilium.Lab.Printing;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;
using Microsoft.AspNetCore.Http;

namespace Cilium.Lab.Serving;

/// <summary>Sends each request of the Kubernetes API to what answers it.</summary>
internal sealed class ApiHandler(
    ResourceCatalog catalog,
    Discovery discovery,
    OpenApi openApi,
    ReadRequests reads,
    WatchRequests watches,
    WriteRequests writes,
    SubresourceHandlers subresources)
{
    private const string AggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

    private static readonly JsonObject VersionDocument = new()
    {
        ["major"] = "1",
        ["minor"] = "32",
        ["gitVersion"] = "v1.32.0+cilium-lab",
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "1970-01-01T00:00:00Z",
        ["goVersion"] = "",
        ["compiler"] = "",
        ["platform"] = "linux/amd64",
    };

    public required string Token { get; init; }

    /// <summary>What answers for a cluster's objects.</summary>
    public static ApiHandler Over(ObjectRegistry registry, ObjectDeletion deletion, IPodRuntime runtime, string token)
    {
        var printer = new TablePrinter(registry.Clock);
        var reads = new ReadRequests(registry.Store, printer);
        var discovery = new Discovery(registry.Catalog);
        return new ApiHandler(
            registry.Catalog,
            discovery,
            new OpenApi(registry.Catalog, discovery),
            reads,
            new WatchRequests(registry.Store, printer, registry.Clock),
            new WriteRequests(registry, deletion, reads),
            new SubresourceHandlers(new ScaleSubresource(registry), new PodConnections(registry, deletion, runtime)))
        {
            Token = token,
        };
    }

    public async Task HandleAsync(HttpContext context, CancellationToken stopping)
    {
        try
        {
            await RouteAsync(context, stopping);
        }
        catch (ApiException failure) when (!context.Response.HasStarted)
        {
            await ResponseWriter.FailAsync(context, failure);
        }
        catch (Exception failure) when (failure is InvalidOperationException or ArgumentException or FormatException or InvalidDataException && !context.Response.HasStarted)
        {
            await ResponseWriter.FailAsync(context, new ApiException(500, "InternalError", $"Internal error occurred: {failure.Message}"));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested || stopping.IsCancellationRequested)
        {
            context.Abort();
        }
    }

    private Task RouteAsync(HttpContext context, CancellationToken stopping)
    {
        var path = context.Request.Path.Value ?? "/";
        switch (path)
        {
            case "/healthz" or "/livez" or "/readyz":
                return ResponseWriter.TextAsync(context, "ok");
            case "/version" or "/version/":
                return ResponseWriter.WriteAsync(context, VersionDocument);
        }

        if (context.Request.Headers.Authorization.ToString() != $"Bearer {Token}") throw new ApiException(401, "Unauthorized", "Unauthorized");
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var aggregated = context.Request.Headers.Accept.ToString().Contains("as=APIGroupDiscoveryList", StringComparison.Ordinal)
            && context.Request.Headers.Accept.ToString().Contains("v=v2;", StringComparison.Ordinal);
        switch (parts)
        {
            case ["api"]:
                return aggregated
                    ? ResponseWriter.WriteAsync(context, discovery.Aggregated(core: true), 200, AggregatedType)
                    : ResponseWriter.WriteAsync(context, Discovery.Versions());
            case ["apis"]:
                return aggregated
                    ? ResponseWriter.WriteAsync(context, discovery.Aggregated(core: false), 200, AggregatedType)
                    : ResponseWriter.WriteAsync(context, discovery.Groups());
            case ["api", var version]:
                return ResponseWriter.WriteAsync(context, discovery.Resources("", version) ?? throw Unknown());
            case ["apis", var group]:
                return ResponseWriter.WriteAsync(context, discovery.Group(group) ?? throw Unknown());
            case ["apis", var group, var version]:
                return ResponseWriter.WriteAsync(context, discovery.Resources(group, version) ?? throw Unknown());
            case ["openapi", "v2"]:
                return ResponseWriter.WriteAsync(context, OpenApi.Version2, 200, OpenApi.Version2Type);
            case ["openapi", "v3"]:
                return ResponseWriter.WriteAsync(context, openApi.Root());
            case ["openapi", "v3", "api", var version]:
                return ResponseWriter.WriteAsync(context, openApi.Document("", version));
            case ["openapi", "v3", "apis", var group, var version]:
                return ResponseWriter.WriteAsync(context, openApi.Document(group, version));
            case ["apis", "authorization.k8s.io" or "authentication.k8s.io", "v1", var review]:
                return Reviews.HandleAsync(context, review);
        }

        var target = RequestTarget.Parse(path, catalog) ?? throw Unknown();
        return target.Subresource is null or "status" or "finalize" ? ResourceAsync(context, target, stopping) : subresources.HandleAsync(context, target, stopping);
    }

    private Task ResourceAsync(HttpContext context, RequestTarget target, CancellationToken stopping)
    {
        var request = context.Request;
        var watching = request.Query["watch"] is [("true" or "1")] || request.Path.Value!.Contains("/watch/", StringComparison.Ordinal);
        if (target.Subresource == "status" && !target.Kind.HasStatus) throw Unknown();
        return (request.Method, target.Name) switch
        {
            ("GET", _) when watching => watches.WatchAsync(context, target, stopping),
            ("GET", null) => reads.ListAsync(context, target),
            ("GET", _) => reads.GetAsync(context, target),
            ("POST", null) => writes.CreateAsync(context, target),
            ("PUT", not null) => writes.UpdateAsync(context, target),
            ("PATCH", not null) => writes.PatchAsync(context, target),
            ("DELETE", _) => writes.DeleteAsync(context, target),
            _ => throw new ApiException(405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
        };
    }

    private static ApiException Unknown() => new(404, "NotFound", "the server could not find the requested resource");
}

/// <summary>Whoever holds the token may do everything: every review says yes.</summary>
internal static class Reviews
{
    public static async Task HandleAsync(HttpContext context, string review)
    {
        var body = await RequestBody.ReadAsync(context.Request, context.RequestAborted) as JsonObject ?? [];
        var user = new JsonObject { ["username"] = "lab-admin", ["groups"] = new JsonArray("system:masters", "system:authenticated") };
        body["status"] = review switch
        {
            "selfsubjectreviews" => new JsonObject { ["userInfo"] = user },
            "tokenreviews" => new JsonObject { ["authenticated"] = true, ["user"] = user },
            "selfsubjectrulesreviews" => new JsonObject
            {
                ["resourceRules"] = new JsonArray(new JsonObject { ["verbs"] = new JsonArray("*"), ["apiGroups"] = new JsonArray("*"), ["resources"] = new JsonArray("*") }),
                ["nonResourceRules"] = new JsonArray(new JsonObject { ["verbs"] = new JsonArray("*"), ["nonResourceURLs"] = new JsonArray("*") }),
                ["incomplete"] = false,
            },
            _ => new JsonObject { ["allowed"] = true },
        };
        await ResponseWriter.WriteAsync(context, body, 201);
    }
}

/// <summary>Sends subresources other than status to what answers them.</summary>
internal sealed class SubresourceHandlers(ScaleSubresource scale, PodConnections pods)
{
    public Task HandleAsync(HttpContext context, RequestTarget target, CancellationToken stopping) => target switch
    {
        { Subresource: "scale", Kind.HasScale: true } => scale.HandleAsync(context, target),
        { Kind.Id: { Group: "", Plural: "pods" } } => pods.HandleAsync(context, target, stopping),
        _ => throw new ApiException(404, "NotFound", "the server could not find the requested resource"),
    };
}
