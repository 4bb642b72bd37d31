using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;
using Microsoft.AspNetCore.Http;

namespace Cilium.Lab.Serving;

/// <summary>The form in which a client wants objects.</summary>
internal enum ResponseForm : byte
{
    Objects,
    Table,
    PartialMetadata,
}

/// <summary>Writes documents and Status objects.</summary>
internal static class ResponseWriter
{
    public static ResponseForm FormOf(HttpRequest request)
    {
        var accept = request.Headers.Accept.ToString();
        if (accept.Contains("as=Table", StringComparison.Ordinal) && accept.Contains("v=v1;", StringComparison.Ordinal)) return ResponseForm.Table;
        return accept.StartsWith("application/json;as=PartialObjectMetadata", StringComparison.Ordinal)
            || accept.Contains("as=PartialObjectMetadata", StringComparison.Ordinal) ? ResponseForm.PartialMetadata : ResponseForm.Objects;
    }

    public static Task WriteAsync(HttpContext context, JsonNode document, int code = 200, string contentType = "application/json") =>
        WriteAsync(context, document.ToUtf8(), code, contentType);

    public static async Task WriteAsync(HttpContext context, ReadOnlyMemory<byte> utf8, int code = 200, string contentType = "application/json")
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = utf8.Length;
        await context.Response.Body.WriteAsync(utf8, context.RequestAborted);
    }

    public static Task TextAsync(HttpContext context, string text) => WriteAsync(context, System.Text.Encoding.UTF8.GetBytes(text), 200, "text/plain");

    public static Task FailAsync(HttpContext context, ApiException failure)
    {
        if (failure.Code == 401) context.Response.Headers.WWWAuthenticate = "Bearer";
        return WriteAsync(context, failure.ToStatus(), failure.Code);
    }

    /// <summary>The object in the version asked for; all versions of a kind share one schema.</summary>
    public static JsonObject InVersion(JsonObject stored, ResourceKind kind, string version)
    {
        if (stored.Text("apiVersion") == kind.ApiVersion(version)) return stored;
        var converted = stored.Copy();
        converted["apiVersion"] = kind.ApiVersion(version);
        return converted;
    }

    public static JsonObject Partial(JsonObject item) => new()
    {
        ["kind"] = "PartialObjectMetadata",
        ["apiVersion"] = "meta.k8s.io/v1",
        ["metadata"] = item["metadata"]?.DeepClone(),
    };
}
