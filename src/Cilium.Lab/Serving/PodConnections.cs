using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;
using Microsoft.AspNetCore.Http;

namespace Cilium.Lab.Serving;

/// <summary>The subresources of pods that connect to what runs in them.</summary>
internal sealed class PodConnections(ObjectRegistry registry, ObjectDeletion deletion, IPodRuntime runtime)
{
    public Task HandleAsync(HttpContext context, RequestTarget target, CancellationToken stopping)
    {
        var pod = registry.Store.Get(target.Key)?.Json ?? throw ApiException.NotFound(target.Kind, target.Name!);
        return target.Subresource switch
        {
            "log" => LogAsync(context, pod, stopping),
            "exec" => ExecAsync(context, pod, attach: false, stopping),
            "attach" => ExecAsync(context, pod, attach: true, stopping),
            "portforward" => PortForwardAsync(context, pod, stopping),
            "binding" => BindAsync(context, target),
            "eviction" => EvictAsync(context, target),
            _ => throw new ApiException(404, "NotFound", "the server could not find the requested resource"),
        };
    }

    private async Task LogAsync(HttpContext context, JsonObject pod, CancellationToken stopping)
    {
        var query = context.Request.Query;
        // Lines are kept without their times, and only those of the present container.
        foreach (var option in (ReadOnlySpan<string>)["previous", "timestamps", "sinceSeconds", "sinceTime", "limitBytes"])
        {
            if (query[option].ToString() is not ("" or "false")) throw ApiException.BadRequest($"the lab does not support the option \"{option}\" of logs");
        }

        var options = new LogOptions(
            query["follow"] == "true",
            int.TryParse(query["tailLines"], NumberStyles.None, CultureInfo.InvariantCulture, out var lines) ? lines : null);
        var container = ContainerOf(pod, query["container"]);
        context.Response.ContentType = "text/plain";
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        await runtime.CopyLogAsync(pod, container, options, context.Response.Body, ended.Token);
    }

    private async Task ExecAsync(HttpContext context, JsonObject pod, bool attach, CancellationToken stopping)
    {
        RequireWebSocket(context, out var protocol, WebSocketExec.Protocols);
        var query = context.Request.Query;
        var request = new ExecRequest(
            pod,
            ContainerOf(pod, query["container"]),
            [.. query["command"].OfType<string>()],
            query["stdin"] is [("true" or "1")],
            query["tty"] is [("true" or "1")]);
        if (!attach && request.Command.Count == 0) throw ApiException.BadRequest("you must specify at least one command for the container");
        using var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { SubProtocol = protocol });
        using var streams = new WebSocketExec(socket);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        int code;
        string? failure = null;
        try
        {
            code = attach
                ? await runtime.AttachAsync(request, streams, ended.Token)
                : await runtime.ExecAsync(request, streams, ended.Token);
        }
        catch (ApiException refused)
        {
            (code, failure) = (1, refused.Message);
        }

        await streams.FinishAsync(code, failure, ended.Token);
    }

    private async Task PortForwardAsync(HttpContext context, JsonObject pod, CancellationToken stopping)
    {
        RequireWebSocket(context, out var protocol, ["SPDY/3.1+portforward.k8s.io"]);
        using var socket = await WebSocketHandshake.AcceptAsync(context, protocol!);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        await using var bytes = new Spdy.WebSocketStream(socket);
        using var tunnel = new Spdy.PortForwardSession(bytes, (port, cancel) => runtime.ConnectAsync(pod, port, cancel));
        await tunnel.RunAsync(ended.Token);
        if (socket.State == WebSocketState.Open) await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, ended.Token);
    }

    private async Task BindAsync(HttpContext context, RequestTarget target)
    {
        var body = await RequestBody.ReadObjectAsync(context.Request, context.RequestAborted);
        var node = body.Text("target", "name") ?? throw ApiException.BadRequest("target.name: Required value");
        var change = new JsonObject { ["spec"] = new JsonObject { ["nodeName"] = node } };
        registry.Patch(target.Kind, target.Version, target.Key, change, PatchType.Merge, null, WriteOptions.System);
        await ResponseWriter.WriteAsync(context, Success(), 201);
    }

    private async Task EvictAsync(HttpContext context, RequestTarget target)
    {
        var body = await RequestBody.ReadAsync(context.Request, context.RequestAborted);
        deletion.Delete(target.Kind, target.Key, new DeleteOptions { GracePeriodSeconds = body.Number("deleteOptions", "gracePeriodSeconds") });
        await ResponseWriter.WriteAsync(context, Success(), 201);
    }

    private static JsonObject Success() => new() { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["code"] = 201 };

    private static string? ContainerOf(JsonObject pod, string? stated)
    {
        var names = pod.Items("spec", "containers").Concat(pod.Items("spec", "initContainers")).Select(container => container.TextOr("", "name")).ToList();
        if (string.IsNullOrEmpty(stated)) return names.FirstOrDefault();
        if (!names.Contains(stated)) throw ApiException.BadRequest($"container {stated} is not valid for pod {pod.Name()}");
        return stated;
    }

    private static void RequireWebSocket(HttpContext context, out string? protocol, string[] offered)
    {
        if (!context.WebSockets.IsWebSocketRequest) throw ApiException.BadRequest("Upgrade request required");
        protocol = offered.FirstOrDefault(name => context.WebSockets.WebSocketRequestedProtocols.Contains(name))
            ?? throw new ApiException(403, "Forbidden", $"unable to upgrade: none of the protocols is supported: {string.Join(", ", context.WebSockets.WebSocketRequestedProtocols)}");
    }
}
