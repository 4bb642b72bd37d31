using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Patching;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;
using Microsoft.AspNetCore.Http;

namespace Cilium.Lab.Serving;

/// <summary>Shows what can be scaled as an <c>autoscaling/v1</c> Scale.</summary>
internal sealed class ScaleSubresource(ObjectRegistry registry)
{
    public async Task HandleAsync(HttpContext context, RequestTarget target)
    {
        var current = registry.Store.Get(target.Key)?.Json ?? throw ApiException.NotFound(target.Kind, target.Name!);
        var scale = ToScale(current);
        if (context.Request.Method is "PUT" or "PATCH")
        {
            var body = await RequestBody.ReadAsync(context.Request, context.RequestAborted) ?? throw ApiException.BadRequest("the request needs a body");
            var wanted = context.Request.Method == "PUT" ? body : WriteRequests.PatchTypeOf(context.Request) == PatchType.Json
                ? JsonPatch.Apply(scale, body)
                : MergePatch.Apply(scale, body);
            var replicas = wanted.Number("spec", "replicas") ?? 0;
            var change = new JsonObject { ["spec"] = new JsonObject { ["replicas"] = replicas } };
            var version = context.Request.Method == "PUT" ? wanted.ResourceVersion() : "";
            if (version.Length > 0) change["metadata"] = new JsonObject { ["resourceVersion"] = version };
            var options = WriteRequests.OptionsOf(context, context.Request.Method);
            scale = ToScale(registry.Patch(target.Kind, target.Version, target.Key, change, PatchType.Merge, null, options));
        }

        await ResponseWriter.WriteAsync(context, scale);
    }

    private static JsonObject ToScale(JsonObject item)
    {
        var selector = item.Members("spec", "selector", "matchLabels") ?? [];
        return new JsonObject
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = new JsonObject
            {
                ["name"] = item.Name(),
                ["namespace"] = item.Namespace(),
                ["uid"] = item.Uid(),
                ["resourceVersion"] = item.ResourceVersion(),
                ["creationTimestamp"] = item.Text("metadata", "creationTimestamp"),
            },
            ["spec"] = new JsonObject { ["replicas"] = item.Number("spec", "replicas") ?? 0 },
            ["status"] = new JsonObject
            {
                ["replicas"] = item.Number("status", "replicas") ?? 0,
                ["selector"] = string.Join(",", selector.Select(pair => $"{pair.Key}={pair.Value.Display()}")),
            },
        };
    }
}
