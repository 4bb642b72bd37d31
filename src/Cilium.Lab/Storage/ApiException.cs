using System.Text.Json.Nodes;

namespace Cilium.Lab.Storage;

/// <summary>A request the API answers with a Status object.</summary>
/// <param name="code">The HTTP status.</param>
/// <param name="reason">The reason of the Status object.</param>
/// <param name="message">Its message.</param>
/// <param name="details">Its details.</param>
/// <param name="continuation">Where a list may go on all the same; null for nowhere.</param>
internal sealed class ApiException(int code, string reason, string message, JsonObject? details = null, string? continuation = null) : Exception(message)
{
    public int Code => code;

    public string Reason => reason;

    public JsonObject? Details => details;

    public static ApiException NotFound(ResourceKind kind, string name) =>
        new(404, "NotFound", $"{kind.Id} \"{name}\" not found", About(kind, name));

    public static ApiException AlreadyExists(ResourceKind kind, string name) =>
        new(409, "AlreadyExists", $"{kind.Id} \"{name}\" already exists", About(kind, name));

    public static ApiException Conflict(ResourceKind kind, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {kind.Id} \"{name}\": {why}", About(kind, name));

    public static ApiException BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiException Gone(long revision) =>
        new(410, "Expired", $"too old resource version: {revision}");

    /// <summary>The part that a list's continuation asks for can no longer be told as of the list's revision.</summary>
    public static ApiException ContinueExpired(string inconsistent) => new(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the "
        + "continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
        + "that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
        continuation: inconsistent);

    public static ApiException Internal(string what) => new(
        500, "InternalError", $"Internal error occurred: {what}", new JsonObject { ["causes"] = new JsonArray(new JsonObject { ["message"] = what }) });

    public static ApiException Invalid(ResourceKind kind, string name, IReadOnlyList<(string Field, string Message)> causes)
    {
        var list = new JsonArray();
        foreach (var (field, message) in causes)
            list.Add((JsonNode)new JsonObject { ["reason"] = "FieldValueInvalid", ["message"] = message, ["field"] = field });
        var details = About(kind, name);
        details["causes"] = list;
        var text = causes.Count == 1 ? $"{causes[0].Field}: {causes[0].Message}" : $"[{string.Join(", ", causes.Select(c => $"{c.Field}: {c.Message}"))}]";
        var label = kind.Id.Group.Length == 0 ? kind.Kind : $"{kind.Kind}.{kind.Id.Group}";
        return new ApiException(422, "Invalid", $"{label} \"{name}\" is invalid: {text}", details);
    }

    public JsonObject ToStatus()
    {
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = Message,
            ["reason"] = reason,
            ["code"] = code,
        };
        if (continuation is not null) status["metadata"] = new JsonObject { ["continue"] = continuation };
        if (details is not null) status["details"] = details.DeepClone();
        return status;
    }

    private static JsonObject About(ResourceKind kind, string name)
    {
        var details = new JsonObject { ["name"] = name, ["kind"] = kind.Id.Plural };
        if (kind.Id.Group.Length > 0) details["group"] = kind.Id.Group;
        return details;
    }
}
