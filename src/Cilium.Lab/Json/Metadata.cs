using System.Globalization;
using System.Text.Json.Nodes;

namespace Cilium.Lab.Json;

/// <summary>Names the parts of an object's metadata.</summary>
internal static class Metadata
{
    public static string Name(this JsonNode? node) => node.TextOr("", "metadata", "name");

    public static string Namespace(this JsonNode? node) => node.TextOr("", "metadata", "namespace");

    public static string Uid(this JsonNode? node) => node.TextOr("", "metadata", "uid");

    public static string ResourceVersion(this JsonNode? node) => node.TextOr("", "metadata", "resourceVersion");

    public static bool IsDeleting(this JsonNode? node) => node.Text("metadata", "deletionTimestamp") is not null;

    public static JsonObject? Labels(this JsonNode? node) => node.Members("metadata", "labels");

    public static JsonObject? Controller(this JsonNode? node) =>
        node.Items("metadata", "ownerReferences").OfType<JsonObject>().FirstOrDefault(reference => reference.Flag("controller"));

    public static bool IsControlledBy(this JsonNode? node, JsonNode owner) => node.Controller().Text("uid") == owner.Uid();

    public static JsonObject OwnerReference(JsonNode owner, bool controller = true)
    {
        var reference = new JsonObject
        {
            ["apiVersion"] = owner.Text("apiVersion"),
            ["kind"] = owner.Text("kind"),
            ["name"] = owner.Name(),
            ["uid"] = owner.Uid(),
        };
        if (controller)
        {
            reference["controller"] = true;
            reference["blockOwnerDeletion"] = true;
        }

        return reference;
    }

    public static JsonObject Condition(string type, bool holds, string reason, string message, string now) => new()
    {
        ["type"] = type,
        ["status"] = holds ? "True" : "False",
        ["reason"] = reason,
        ["message"] = message,
        ["lastTransitionTime"] = now,
    };

    public static bool HasCondition(this JsonNode? node, string type) =>
        node.Items("status", "conditions").Any(condition => condition.Text("type") == type && condition.Text("status") == "True");

    /// <summary>Puts <paramref name="conditions"/> into the status; those whose status did not change keep their transition time.</summary>
    public static void SetConditions(JsonObject status, params ReadOnlySpan<JsonObject> conditions)
    {
        var existing = status["conditions"] as JsonArray ?? [];
        var result = existing.DeepClone().AsArray();
        foreach (var condition in conditions)
        {
            var type = condition.Text("type");
            var index = result.ToList().FindIndex(item => item.Text("type") == type);
            if (index < 0)
            {
                result.Add((JsonNode)condition);
                continue;
            }

            if (result[index].Text("status") == condition.Text("status")) condition["lastTransitionTime"] = result[index].Text("lastTransitionTime");
            result[index] = condition;
        }

        status["conditions"] = result;
    }

    /// <summary>A time as the API writes it, in UTC with seconds.</summary>
    public static string Stamp(this TimeProvider clock) =>
        clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string MicroStamp(this TimeProvider clock) =>
        clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    public static DateTimeOffset? Time(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.Text(path) is { } text && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : null;
}
