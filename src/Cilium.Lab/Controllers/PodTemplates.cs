using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Makes pods from templates and reads how they fare.</summary>
internal static class PodTemplates
{
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    /// <summary>A short name for a template: equal templates have equal names.</summary>
    public static string Hash(JsonNode? template)
    {
        var digest = SHA256.HashData(Sorted(template)?.ToUtf8() ?? []);
        return string.Concat(digest.Take(10).Select(value => Alphabet[value % Alphabet.Length]));
    }

    /// <summary>A document with its members in one order and without nulls, which writers put in or leave out as they like.</summary>
    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(
            members.Where(pair => pair.Value is not null).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => KeyValuePair.Create(pair.Key, Sorted(pair.Value)))),
        JsonArray items => items.Select(Sorted).ToJsonArray(),
        _ => node?.DeepClone(),
    };

    public static JsonObject CreatePod(ClusterState state, JsonObject owner, JsonObject? template, IReadOnlyDictionary<string, string> labels, string? node = null)
    {
        var pod = new JsonObject
        {
            ["metadata"] = template.Members("metadata")?.Copy() ?? [],
            ["spec"] = template.Members("spec")?.Copy() ?? [],
        };
        var metadata = pod.Ensure("metadata");
        metadata.Remove("creationTimestamp");
        metadata["generateName"] = owner.Name() + "-";
        foreach (var (key, value) in labels) pod.Ensure("metadata", "labels")[key] = value;
        metadata["ownerReferences"] = new JsonArray(Metadata.OwnerReference(owner));
        if (node is not null) pod.Ensure("spec")["nodeName"] = node;
        return state.Create(BuiltInKinds.Pods, owner.Namespace(), pod);
    }

    public static List<JsonObject> Owned(ClusterState state, ResourceId resource, JsonObject owner) =>
        [.. state.Store.All(resource, owner.Namespace()).Where(item => item.IsControlledBy(owner))];

    public static bool IsActive(JsonObject pod) => !pod.IsDeleting() && pod.Text("status", "phase") is not ("Succeeded" or "Failed");

    public static bool IsReady(JsonObject pod) => pod.HasCondition("Ready");

    /// <summary>The worst first: unscheduled, not ready, youngest.</summary>
    public static IEnumerable<JsonObject> ByDisposability(IEnumerable<JsonObject> pods) => pods
        .OrderBy(pod => pod.TextOr("", "spec", "nodeName").Length > 0)
        .ThenBy(IsReady)
        .ThenByDescending(pod => pod.Text("metadata", "creationTimestamp"), StringComparer.Ordinal)
        .ThenByDescending(pod => pod.Number("metadata", "resourceVersion") ?? 0);

    /// <summary>The controller of a pod or replica set, as a key in its namespace, when it is of the kind asked for.</summary>
    public static IEnumerable<ObjectKey> ControllerKey(JsonObject item, string kind, ResourceId resource) =>
        item.Controller() is { } reference && reference.Text("kind") == kind
            ? [new ObjectKey(resource, item.Namespace(), reference.TextOr("", "name"))]
            : [];
}
