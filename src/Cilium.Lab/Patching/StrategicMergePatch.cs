using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Patching;

/// <summary>
/// Strategic merge patch: lists of objects are merged by key; <c>$patch</c>, <c>$deleteFromPrimitiveList</c>,
/// <c>$setElementOrder</c> and <c>$retainKeys</c> are honoured.
/// </summary>
internal static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string DeleteFromList = "$deleteFromPrimitiveList/";
    private const string ElementOrder = "$setElementOrder/";
    private const string RetainKeys = "$retainKeys";

    public static JsonObject Apply(JsonObject document, JsonObject patch, IListShapes shapes) => Merge(document, patch, shapes, []);

    private static JsonObject Merge(JsonObject? document, JsonObject patch, IListShapes shapes, List<string> path)
    {
        if (patch.Text(Directive) == "replace") return Clean(patch);
        if (patch.Text(Directive) == "delete") return [];
        var result = document?.Copy() ?? [];
        if (patch[RetainKeys] is JsonArray retained)
        {
            var keep = retained.Select(name => name.Display()).ToHashSet();
            foreach (var (name, _) in result.ToList())
            {
                if (!keep.Contains(name)) result.Remove(name);
            }
        }

        foreach (var (name, change) in patch)
        {
            if (name is Directive or RetainKeys || name.StartsWith(ElementOrder, StringComparison.Ordinal)) continue;
            if (name.StartsWith(DeleteFromList, StringComparison.Ordinal))
            {
                RemoveScalars(result, name[DeleteFromList.Length..], change);
                continue;
            }

            path.Add(name);
            switch (change)
            {
                case null:
                    result.Remove(name);
                    break;
                case JsonObject changes:
                    result[name] = Merge(result[name] as JsonObject, changes, shapes, path);
                    break;
                case JsonArray changes:
                    result[name] = MergeList(result[name] as JsonArray, changes, patch[ElementOrder + name] as JsonArray, shapes, path);
                    break;
                default:
                    result[name] = change.DeepClone();
                    break;
            }

            path.RemoveAt(path.Count - 1);
        }

        foreach (var (name, order) in patch)
        {
            if (!name.StartsWith(ElementOrder, StringComparison.Ordinal) || order is not JsonArray wanted) continue;
            var list = name[ElementOrder.Length..];
            if (patch.ContainsKey(list) || result[list] is not JsonArray present) continue;
            path.Add(list);
            result[list] = Order(present, wanted, present, shapes.At(path).PatchKey);
            path.RemoveAt(path.Count - 1);
        }

        return result;
    }

    private static JsonArray MergeList(JsonArray? document, JsonArray patch, JsonArray? order, IListShapes shapes, List<string> path)
    {
        var shape = shapes.At(path);
        if (shape.Merge == ListMerge.Set && patch.All(item => item is JsonValue))
        {
            var merged = document?.DeepClone().AsArray() ?? [];
            foreach (var item in patch)
            {
                if (!merged.Any(present => JsonAccess.Same(present, item))) merged.Add(item!.DeepClone());
            }

            return Order(merged, order ?? patch, document, null);
        }

        if (shape.PatchKey is not { } key || patch.Any(item => item is not JsonObject)) return (JsonArray)patch.DeepClone();
        if (patch.Any(item => item.Text(Directive) == "replace"))
            return patch.Where(item => item.Text(Directive) is null).Select(item => item?.DeepClone()).ToJsonArray();

        var result = document?.DeepClone().AsArray() ?? [];
        foreach (var change in patch.OfType<JsonObject>())
        {
            var identity = change.At(key).Display();
            var index = result.ToList().FindIndex(item => item.At(key).Display() == identity && SameProtocol(shape, item, change));
            if (change.Text(Directive) == "delete")
            {
                if (index >= 0) result.RemoveAt(index);
            }
            else if (index >= 0) result[index] = Merge(result[index] as JsonObject, change, shapes, path);
            else result.Add((JsonNode)Clean(change));
        }

        return Order(result, order ?? patch, document, key);
    }

    /// <summary>
    /// Items that the patch names come in its order. The others keep theirs, each before the first named one that followed it in the document, as the
    /// API server does.
    /// </summary>
    private static JsonArray Order(JsonArray items, JsonArray order, JsonArray? document, string? key)
    {
        var (wanted, before) = (Places(order, key), Places(document ?? [], key));
        var others = new Queue<JsonNode?>(items.Where(item => !wanted.ContainsKey(Identity(item, key))));
        var result = new JsonArray();
        foreach (var named in items.Where(item => wanted.ContainsKey(Identity(item, key))).OrderBy(item => wanted[Identity(item, key)]))
        {
            while (before.TryGetValue(Identity(named, key), out var place) && others.TryPeek(out var other)
                && before.TryGetValue(Identity(other, key), out var otherPlace) && otherPlace <= place)
            {
                result.Add(others.Dequeue()?.DeepClone());
            }

            result.Add(named?.DeepClone());
        }

        foreach (var other in others) result.Add(other?.DeepClone());
        return result;
    }

    private static string Identity(JsonNode? item, string? key) => key is null || item is JsonValue ? item.Display() : item.At(key).Display();

    private static Dictionary<string, int> Places(JsonArray items, string? key)
    {
        var places = new Dictionary<string, int>();
        for (var place = 0; place < items.Count; place++) places.TryAdd(Identity(items[place], key), place);
        return places;
    }

    /// <summary>A port's number alone is the key of a patch; a protocol, where the patch states one, tells two of one number apart.</summary>
    private static bool SameProtocol(ListShape shape, JsonNode? item, JsonNode change) =>
        !shape.Keys.Contains("protocol") || change["protocol"] is null || ListShape.Fallback(item, "protocol") == ListShape.Fallback(change, "protocol");

    private static void RemoveScalars(JsonObject document, string list, JsonNode? removed)
    {
        if (document[list] is not JsonArray items || removed is not JsonArray gone) return;
        document[list] = items.Where(item => !gone.Any(other => JsonAccess.Same(item, other))).Select(item => item?.DeepClone()).ToJsonArray();
    }

    private static JsonObject Clean(JsonObject patch)
    {
        var result = new JsonObject();
        foreach (var (name, value) in patch)
        {
            if (name.StartsWith('$') || value is null) continue;
            result[name] = value is JsonObject members ? Clean(members) : value.DeepClone();
        }

        return result;
    }
}
