using System.Collections.Frozen;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Patching;

/// <summary>How the items of a list are told apart when two documents are merged.</summary>
internal enum ListMerge : byte
{
    /// <summary>The list is one value.</summary>
    Atomic,

    /// <summary>A set of scalars.</summary>
    Set,

    /// <summary>Items with keys.</summary>
    Map,
}

/// <summary>The merge behaviour of one list.</summary>
/// <param name="Merge">What an item is.</param>
/// <param name="Keys">Members that identify an item in server-side apply.</param>
/// <param name="PatchKey">The member that identifies an item in a strategic merge patch.</param>
internal sealed record ListShape(ListMerge Merge, IReadOnlyList<string> Keys, string? PatchKey)
{
    public static readonly ListShape Atomic = new(ListMerge.Atomic, [], null);
    public static readonly ListShape Set = new(ListMerge.Set, [], null);

    public static ListShape By(params string[] keys) => new(ListMerge.Map, keys, keys[0]);

    public string KeyOf(JsonNode? item) => string.Join('\u0001', Keys.Select(key => Fallback(item, key)));

    /// <summary>A port without a protocol is TCP: the one key that has a default.</summary>
    public static string Fallback(JsonNode? item, string key) => item.At(key).Display() is { Length: > 0 } value ? value : key == "protocol" ? "TCP" : "";
}

/// <summary>Finds the shape of a list by the names of the members that lead to it.</summary>
internal interface IListShapes
{
    ListShape At(IReadOnlyList<string> path);
}

/// <summary>Shapes of the built-in kinds, as the Kubernetes types declare them.</summary>
internal sealed class BuiltInListShapes(string kind) : IListShapes
{
    private static readonly FrozenDictionary<string, ListShape> ByTail = new Dictionary<string, ListShape>
    {
        ["metadata.ownerReferences"] = ListShape.By("uid"),
        ["metadata.finalizers"] = ListShape.Set,
        ["spec.containers"] = ListShape.By("name"),
        ["spec.initContainers"] = ListShape.By("name"),
        ["spec.ephemeralContainers"] = ListShape.By("name"),
        ["spec.volumes"] = ListShape.By("name"),
        ["spec.imagePullSecrets"] = ListShape.By("name"),
        ["spec.hostAliases"] = ListShape.By("ip"),
        ["spec.topologySpreadConstraints"] = new(ListMerge.Map, ["topologyKey", "whenUnsatisfiable"], "topologyKey"),
        ["env"] = ListShape.By("name"),
        ["volumeMounts"] = ListShape.By("mountPath"),
        ["volumeDevices"] = ListShape.By("devicePath"),
        ["containers.ports"] = new(ListMerge.Map, ["containerPort", "protocol"], "containerPort"),
        ["initContainers.ports"] = new(ListMerge.Map, ["containerPort", "protocol"], "containerPort"),
        ["status.conditions"] = ListShape.By("type"),
        ["status.podIPs"] = ListShape.By("ip"),
        ["status.hostIPs"] = ListShape.By("ip"),
        ["imagePullSecrets"] = ListShape.By("name"),
        ["secrets"] = ListShape.By("name"),
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, ListShape> ByKind = new Dictionary<string, ListShape>
    {
        ["Service:spec.ports"] = new(ListMerge.Map, ["port", "protocol"], "port"),
        ["Node:spec.taints"] = new(ListMerge.Atomic, [], "key"),
        ["Node:status.addresses"] = ListShape.By("type"),
        ["Node:spec.podCIDRs"] = ListShape.Set,
        ["CustomResourceDefinition:spec.versions"] = ListShape.Atomic,
    }.ToFrozenDictionary();

    public ListShape At(IReadOnlyList<string> path)
    {
        if (path.Count == 0) return ListShape.Atomic;
        var last = path[^1];
        var two = path.Count > 1 ? $"{path[^2]}.{last}" : last;
        if (ByKind.TryGetValue($"{kind}:{two}", out var shape)) return shape;
        return ByTail.TryGetValue(two, out shape) || ByTail.TryGetValue(last, out shape) ? shape : ListShape.Atomic;
    }
}

/// <summary>Shapes declared by the schema of a custom resource.</summary>
internal sealed class SchemaListShapes(JsonObject? schema) : IListShapes
{
    public ListShape At(IReadOnlyList<string> path)
    {
        if (path is ["metadata", "ownerReferences"]) return ListShape.By("uid");
        if (path is ["metadata", "finalizers"]) return ListShape.Set;
        var node = schema;
        foreach (var name in path)
        {
            if (node?["items"] is JsonObject items) node = items;
            node = node.Members("properties", name) ?? node?["additionalProperties"] as JsonObject;
        }

        return node.Text("x-kubernetes-list-type") switch
        {
            "set" => ListShape.Set,
            "map" when node.Items("x-kubernetes-list-map-keys").Select(key => key.Display()).ToArray() is { Length: > 0 } keys => ListShape.By(keys),
            _ => ListShape.Atomic,
        };
    }
}

internal static class ListShapes
{
    public static IListShapes For(ResourceKind kind, string version) =>
        kind.IsCustom ? new SchemaListShapes(kind.Version(version)?.Schema) : new BuiltInListShapes(kind.Kind);
}
