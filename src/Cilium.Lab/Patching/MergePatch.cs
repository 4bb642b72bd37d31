using System.Text.Json.Nodes;

namespace Cilium.Lab.Patching;

/// <summary>RFC 7386.</summary>
internal static class MergePatch
{
    /// <summary>The patched document; <paramref name="document"/> itself is not changed.</summary>
    public static JsonNode? Apply(JsonNode? document, JsonNode? patch)
    {
        if (patch is not JsonObject changes) return patch?.DeepClone();
        var result = document is JsonObject members ? (JsonObject)members.DeepClone() : [];
        foreach (var (name, change) in changes)
        {
            if (change is null) result.Remove(name);
            else result[name] = Apply(result[name], change);
        }

        return result;
    }
}
