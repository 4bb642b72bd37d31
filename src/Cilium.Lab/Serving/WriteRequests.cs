using System.Globalization;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;
using Microsoft.AspNetCore.Http;

namespace Cilium.Lab.Serving;

/// <summary>Answers POST, PUT, PATCH and DELETE.</summary>
internal sealed class WriteRequests(ObjectRegistry registry, ObjectDeletion deletion, ReadRequests reads)
{
    public async Task CreateAsync(HttpContext context, RequestTarget target)
    {
        var body = await RequestBody.ReadObjectAsync(context.Request, context.RequestAborted);
        CheckKind(target, body);
        var options = OptionsOf(context, "POST");
        var created = registry.Create(target.Kind, target.Version, target.Namespace ?? "", body, options);
        Warn(context, options);
        await reads.WriteObjectAsync(context, target with { Name = created.Name() }, created, 201);
    }

    public async Task UpdateAsync(HttpContext context, RequestTarget target)
    {
        var body = await RequestBody.ReadObjectAsync(context.Request, context.RequestAborted);
        CheckKind(target, body);
        var options = OptionsOf(context, "PUT");
        var updated = registry.Update(target.Kind, target.Version, target.Key, body, target.Subresource, options);
        Warn(context, options);
        await reads.WriteObjectAsync(context, target, updated, 200);
    }

    public async Task PatchAsync(HttpContext context, RequestTarget target)
    {
        var patch = await RequestBody.ReadAsync(context.Request, context.RequestAborted) ?? throw ApiException.BadRequest("the patch is empty");
        var type = PatchTypeOf(context.Request);
        var options = OptionsOf(context, "PATCH");
        var isNew = type == PatchType.Apply && registry.Store.Get(target.Key) is null;
        var patched = registry.Patch(target.Kind, target.Version, target.Key, patch, type, target.Subresource, options);
        Warn(context, options);
        await reads.WriteObjectAsync(context, target, patched, isNew ? 201 : 200);
    }

    public async Task DeleteAsync(HttpContext context, RequestTarget target)
    {
        var options = await DeleteOptionsAsync(context);
        if (target.Name is not null)
        {
            var last = deletion.Delete(target.Kind, target.Key, options);
            if (registry.Store.Get(target.Key) is { } pending && pending.Json.Uid() == last.Uid() && !options.DryRun)
                await reads.WriteObjectAsync(context, target, pending.Json, 200);
            else await ResponseWriter.WriteAsync(context, Success(target, last));
            return;
        }

        var labels = LabelSelector.Parse(context.Request.Query["labelSelector"]);
        var fields = FieldSelector.Parse(context.Request.Query["fieldSelector"]);
        var (objects, _) = registry.Store.List(target.Kind.Id, target.Kind.Namespaced ? target.Namespace : null);
        foreach (var item in objects)
        {
            if (labels.Matches(item.Json.Labels()) && fields.Matches(item.Json)) deletion.Delete(target.Kind, item.Key, options);
        }

        await ResponseWriter.WriteAsync(context, new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success" });
    }

    public static WriteOptions OptionsOf(HttpContext context, string verb)
    {
        var query = context.Request.Query;
        var agent = context.Request.Headers.UserAgent.ToString();
        var manager = query["fieldManager"].ToString() is { Length: > 0 } stated ? stated
            : verb == "POST" || agent.Length == 0 ? null : "@" + agent.Split('/')[0];
        return new WriteOptions
        {
            FieldManager = manager,
            DryRun = query["dryRun"] == "All",
            Force = query["force"] == "true",
            FieldValidation = query["fieldValidation"].ToString() is { Length: > 0 } validation ? validation : "Warn",
        };
    }

    public static PatchType PatchTypeOf(HttpRequest request) => request.ContentType?.Split(';')[0] switch
    {
        "application/json-patch+json" => PatchType.Json,
        "application/merge-patch+json" => PatchType.Merge,
        "application/strategic-merge-patch+json" => PatchType.Strategic,
        "application/apply-patch+yaml" => PatchType.Apply,
        var other => throw new ApiException(415, "UnsupportedMediaType", $"the patch type {other} is unknown"),
    };

    private static void CheckKind(RequestTarget target, JsonObject body)
    {
        if (body.Text("kind") is { Length: > 0 } kind && kind != target.Kind.Kind)
            throw ApiException.BadRequest($"{kind} in version \"{body.Text("apiVersion")}\" cannot be handled as a {target.Kind.Kind}: no kind \"{kind}\" is registered here");
        if (body.Text("apiVersion") is { Length: > 0 } version && version != target.Kind.ApiVersion(target.Version))
            throw ApiException.BadRequest($"the API version in the data ({version}) does not match the expected API version ({target.Kind.ApiVersion(target.Version)})");
    }

    private static async Task<DeleteOptions> DeleteOptionsAsync(HttpContext context)
    {
        var body = await RequestBody.ReadAsync(context.Request, context.RequestAborted);
        var query = context.Request.Query;
        var grace = body.Number("gracePeriodSeconds")
            ?? (long.TryParse(query["gracePeriodSeconds"], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : null);
        return new DeleteOptions
        {
            GracePeriodSeconds = grace,
            Uid = body.Text("preconditions", "uid"),
            ResourceVersion = body.Text("preconditions", "resourceVersion"),
            Propagation = body.Text("propagationPolicy") ?? (query["propagationPolicy"].ToString() is { Length: > 0 } policy ? policy
                : body.Flag("orphanDependents") ? "Orphan" : "Background"),
            DryRun = query["dryRun"] == "All" || body.Items("dryRun").Any(item => item.Display() == "All"),
        };
    }

    private static JsonObject Success(RequestTarget target, JsonObject last)
    {
        var details = new JsonObject { ["name"] = last.Name(), ["kind"] = target.Kind.Id.Plural, ["uid"] = last.Uid() };
        if (target.Kind.Id.Group.Length > 0) details["group"] = target.Kind.Id.Group;
        return new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["details"] = details };
    }

    private static void Warn(HttpContext context, WriteOptions options)
    {
        foreach (var warning in options.Warnings)
            context.Response.Headers.Append("Warning", $"299 - \"{warning.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
    }
}
