using System.Text;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Patching;

/// <summary>
/// The fields of a document as the tree that <c>managedFields</c> holds in its <c>fieldsV1</c> form: <c>f:name</c> for a member,
/// <c>k:{…}</c> for a keyed list item, <c>v:…</c> for an item of a set, <c>.</c> for the item itself. A leaf is an empty object.
/// </summary>
internal static class FieldSet
{
    /// <summary>All fields a document sets, without the ones that belong to the system.</summary>
    public static JsonObject Of(JsonObject document, IListShapes shapes)
    {
        var result = new JsonObject();
        foreach (var (name, value) in document)
        {
            if (name is "apiVersion" or "kind") continue;
            if (name == "metadata")
            {
                var metadata = new JsonObject();
                foreach (var (member, child) in value as JsonObject ?? [])
                {
                    if (member is "labels" or "annotations" or "finalizers" or "ownerReferences")
                        metadata["f:" + member] = OfValue(child, shapes, ["metadata", member]);
                }

                if (metadata.Count > 0) result["f:metadata"] = metadata;
                continue;
            }

            result["f:" + name] = OfValue(value, shapes, [name]);
        }

        return result;
    }

    private static JsonObject OfValue(JsonNode? value, IListShapes shapes, List<string> path)
    {
        var result = new JsonObject();
        switch (value)
        {
            case JsonObject members:
                foreach (var (name, child) in members)
                {
                    path.Add(name);
                    result["f:" + name] = OfValue(child, shapes, path);
                    path.RemoveAt(path.Count - 1);
                }

                break;
            case JsonArray items:
                var shape = shapes.At(path);
                foreach (var item in items)
                {
                    if (shape.Merge == ListMerge.Map && item is JsonObject)
                    {
                        var fields = OfValue(item, shapes, path);
                        fields["."] = new JsonObject();
                        result[KeyStep(shape, item)] = fields;
                    }
                    else if (shape.Merge == ListMerge.Set) result["v:" + item?.ToJsonString()] = new JsonObject();
                }

                break;
        }

        return result;
    }

    public static string KeyStep(ListShape shape, JsonNode? item)
    {
        var key = new JsonObject();
        foreach (var name in shape.Keys.Order(StringComparer.Ordinal))
            key[name] = item.At(name)?.DeepClone() ?? (JsonNode?)(name == "protocol" ? "TCP" : "");
        return "k:" + Encoding.UTF8.GetString(key.ToUtf8());
    }

    /// <summary>Fields of <paramref name="left"/> that <paramref name="right"/> has not.</summary>
    public static JsonObject Except(JsonObject left, JsonObject right)
    {
        var result = new JsonObject();
        foreach (var (step, child) in left)
        {
            if (child is not JsonObject subtree) continue;
            if (right[step] is not JsonObject other)
            {
                result[step] = subtree.DeepClone();
                continue;
            }

            if (subtree.Count == 0) continue;
            var rest = Except(subtree, other);
            if (rest.Count > 0) result[step] = rest;
        }

        return result;
    }

    public static JsonObject Union(JsonObject left, JsonObject right)
    {
        var result = left.Copy();
        foreach (var (step, child) in right)
        {
            if (child is not JsonObject subtree) continue;
            result[step] = result[step] is JsonObject present ? Union(present, subtree) : subtree.DeepClone();
        }

        return result;
    }

    /// <summary>The paths of leaves, for messages: <c>.spec.replicas</c>.</summary>
    public static IEnumerable<string> Leaves(JsonObject set, string prefix = "")
    {
        foreach (var (step, child) in set)
        {
            if (step == "." || child is not JsonObject subtree) continue;
            var path = step.StartsWith("f:", StringComparison.Ordinal) ? $"{prefix}.{step[2..]}" : $"{prefix}[{step[2..]}]";
            if (subtree.Count == 0) yield return path;
            else
            {
                foreach (var leaf in Leaves(subtree, path)) yield return leaf;
            }
        }
    }

    /// <summary>Leaves present in both trees whose values differ between the two documents.</summary>
    public static JsonObject Changed(JsonNode? before, JsonNode? after, JsonObject fields, IListShapes shapes, List<string>? path = null)
    {
        path ??= [];
        var result = new JsonObject();
        foreach (var (step, child) in fields)
        {
            if (step == "." || child is not JsonObject subtree) continue;
            var pushed = step.StartsWith("f:", StringComparison.Ordinal);
            if (pushed) path.Add(step[2..]);
            var left = Step(before, step, shapes, path);
            var right = Step(after, step, shapes, path);
            if (subtree.Count == 0)
            {
                if (!JsonAccess.Same(left, right)) result[step] = new JsonObject();
            }
            else if (left is null || right is null)
            {
                if (left is not null || right is not null) result[step] = subtree.DeepClone();
            }
            else
            {
                var rest = Changed(left, right, subtree, shapes, path);
                if (rest.Count > 0) result[step] = rest;
            }

            if (pushed) path.RemoveAt(path.Count - 1);
        }

        return result;
    }

    /// <summary>The value one step below <paramref name="node"/>; <paramref name="path"/> names the list when the step is an item.</summary>
    public static JsonNode? Step(JsonNode? node, string step, IListShapes shapes, List<string> path) => step[..2] switch
    {
        "f:" => node.At(step[2..]),
        "k:" => (node as JsonArray)?.FirstOrDefault(item => KeyStep(shapes.At(path), item) == step),
        _ => (node as JsonArray)?.FirstOrDefault(item => "v:" + item?.ToJsonString() == step),
    };

    /// <summary>Removes the leaves of <paramref name="fields"/> from a document in place.</summary>
    public static void Remove(JsonNode? node, JsonObject fields, IListShapes shapes, List<string>? path = null)
    {
        path ??= [];
        foreach (var (step, child) in fields)
        {
            if (step == "." || child is not JsonObject subtree) continue;
            var pushed = step.StartsWith("f:", StringComparison.Ordinal);
            if (pushed) path.Add(step[2..]);
            var target = Step(node, step, shapes, path);
            var whole = subtree.Count == 0 || subtree.ContainsKey(".");
            if (!whole) Remove(target, subtree, shapes, path);
            if (whole || target is JsonObject { Count: 0 })
            {
                if (node is JsonObject members) members.Remove(step[2..]);
                else if (node is JsonArray items && target is not null) items.Remove(target);
            }

            if (pushed) path.RemoveAt(path.Count - 1);
        }
    }
}
