using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Printing;
using Cilium.Lab.Storage;
using Microsoft.AspNetCore.Http;

namespace Cilium.Lab.Serving;

/// <summary>Answers GET for one object and for lists.</summary>
internal sealed class ReadRequests(ObjectStore store, TablePrinter printer)
{
    public Task GetAsync(HttpContext context, RequestTarget target)
    {
        var stored = store.Get(target.Key) ?? throw ApiException.NotFound(target.Kind, target.Name!);
        return WriteObjectAsync(context, target, stored.Json, 200);
    }

    public Task WriteObjectAsync(HttpContext context, RequestTarget target, JsonObject json, int code)
    {
        var item = ResponseWriter.InVersion(json, target.Kind, target.Version);
        return ResponseWriter.FormOf(context.Request) switch
        {
            ResponseForm.Table => ResponseWriter.WriteAsync(
                context, printer.Print(target.Kind, target.Version, [item], new JsonObject { ["resourceVersion"] = item.ResourceVersion() }, IncludeObject(context)), code),
            ResponseForm.PartialMetadata => ResponseWriter.WriteAsync(context, ResponseWriter.Partial(item), code),
            _ => ResponseWriter.WriteAsync(context, item, code),
        };
    }

    public Task ListAsync(HttpContext context, RequestTarget target)
    {
        var query = context.Request.Query;
        var labels = LabelSelector.Parse(query["labelSelector"]);
        var fields = FieldSelector.Parse(query["fieldSelector"]);
        var (objects, revision) = store.List(target.Kind.Id, target.Kind.Namespaced ? target.Namespace : null);
        var after = Continuation.Parse(query["continue"], revision);
        if (after is { IsOfPresent: false } && after.Revision < store.Oldest) throw ApiException.ContinueExpired((after with { Revision = Continuation.Present }).ToString());
        // A list at version 0 comes from the cache, whole, whatever the limit (as of the API concepts page of Kubernetes).
        var isCached = after is null && query["resourceVersion"] == "0";
        var limit = !isCached && int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) ? wanted : 0;
        var selected = new List<StoredObject>();
        var remaining = 0;
        foreach (var candidate in objects)
        {
            if (after is not null && !after.IsBefore(candidate.Key)) continue;
            if ((labels.Requirements.Count > 0 && !labels.Matches(candidate.Json.Labels())) || !fields.Matches(candidate.Json)) continue;
            if (limit > 0 && selected.Count == limit) remaining++;
            else selected.Add(candidate);
        }

        // All parts are of the first one's revision: a watch from it tells what came while the parts were fetched.
        var listed = after is null or { IsOfPresent: true } ? revision : after.Revision;
        var metadata = new JsonObject { ["resourceVersion"] = listed.ToString(CultureInfo.InvariantCulture) };
        if (remaining > 0)
        {
            metadata["continue"] = new Continuation(selected[^1].Key.Namespace, selected[^1].Key.Name, listed).ToString();
            metadata["remainingItemCount"] = remaining;
        }

        var items = selected.Select(item => ResponseWriter.InVersion(item.Json, target.Kind, target.Version));
        switch (ResponseWriter.FormOf(context.Request))
        {
            case ResponseForm.Table:
                return ResponseWriter.WriteAsync(context, printer.Print(target.Kind, target.Version, items, metadata, IncludeObject(context)));
            case ResponseForm.PartialMetadata:
                return ResponseWriter.WriteAsync(context, new JsonObject
                {
                    ["kind"] = "PartialObjectMetadataList",
                    ["apiVersion"] = "meta.k8s.io/v1",
                    ["metadata"] = metadata,
                    ["items"] = items.Select(item => (JsonNode?)ResponseWriter.Partial(item)).ToJsonArray(),
                });
            default:
                return ResponseWriter.WriteAsync(context, ListDocument(target, selected, metadata));
        }
    }

    public static string IncludeObject(HttpContext context) => context.Request.Query["includeObject"].ToString() is { Length: > 0 } stated ? stated : "Metadata";

    /// <summary>Joins the stored bytes: a list of thousands costs no parsing.</summary>
    private static byte[] ListDocument(RequestTarget target, List<StoredObject> objects, JsonObject metadata)
    {
        using var buffer = new MemoryStream();
        buffer.Write(Encoding.UTF8.GetBytes($"{{\"kind\":\"{target.Kind.ListKindName}\",\"apiVersion\":\"{target.Kind.ApiVersion(target.Version)}\",\"metadata\":"));
        buffer.Write(metadata.ToUtf8());
        buffer.Write(",\"items\":["u8);
        for (var index = 0; index < objects.Count; index++)
        {
            if (index > 0) buffer.WriteByte((byte)',');
            buffer.Write(target.Version == target.Kind.StorageVersion
                ? objects[index].Utf8
                : ResponseWriter.InVersion(objects[index].Json, target.Kind, target.Version).ToUtf8());
        }

        buffer.Write("]}"u8);
        return buffer.ToArray();
    }
}

/// <summary>Where the next part of a list starts, and the revision of its first part, <see cref="Present"/> when it goes on with what there is now.</summary>
internal sealed record Continuation(string Namespace, string Name, long Revision)
{
    public const long Present = -1;

    public bool IsOfPresent => Revision == Present;

    public bool IsBefore(ObjectKey key)
    {
        var byNamespace = string.CompareOrdinal(Namespace, key.Namespace);
        return byNamespace < 0 || (byNamespace == 0 && string.CompareOrdinal(Name, key.Name) < 0);
    }

    public override string ToString() =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Namespace}\n{Name}\n{Revision}")));

    /// <summary>Null when a list starts anew.</summary>
    /// <exception cref="ApiException">400: no list up to <paramref name="present"/> gave out the token.</exception>
    public static Continuation? Parse(string? token, long present)
    {
        if (string.IsNullOrEmpty(token)) return null;
        try
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(token)).Split('\n') is [var ns, var name, var text]
                && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var revision) && revision >= Present && revision <= present
                ? new Continuation(ns, name, revision)
                : throw Bad();
        }
        catch (FormatException)
        {
            throw Bad();
        }

        static ApiException Bad() => ApiException.BadRequest("continue key is not valid");
    }
}
