using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Whether a pod may run on a node.</summary>
internal static class NodeFit
{
    /// <summary>Node selector and required node affinity.</summary>
    public static bool Selects(JsonObject? podSpec, JsonObject node)
    {
        var labels = node.Labels();
        foreach (var (key, value) in podSpec.Members("nodeSelector") ?? [])
        {
            if (labels.Text(key) != value.Display()) return false;
        }

        var terms = podSpec.Items("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms").OfType<JsonObject>().ToList();
        return terms.Count == 0 || terms.Any(term => Satisfies(term, node));
    }

    /// <summary>The first taint with one of the effects that the pod does not tolerate.</summary>
    public static JsonNode? Intolerable(JsonObject? podSpec, JsonObject node, params ReadOnlySpan<string> effects)
    {
        var tolerations = podSpec.Items("tolerations").ToList();
        foreach (var taint in node.Items("spec", "taints"))
        {
            if (!effects.Contains(taint.TextOr("", "effect"))) continue;
            if (!tolerations.Any(toleration => Tolerates(toleration, taint))) return taint;
        }

        return null;
    }

    private static bool Satisfies(JsonObject term, JsonObject node)
    {
        if (LabelSelector.FromObject(term)?.Matches(node.Labels()) != true) return false;
        return term.Items("matchFields").All(field => field.Text("key") == "metadata.name" && field.Items("values").Any(value => value.Display() == node.Name()));
    }

    private static bool Tolerates(JsonNode toleration, JsonNode taint)
    {
        if (toleration.Text("effect") is { Length: > 0 } effect && effect != taint.Text("effect")) return false;
        var key = toleration.TextOr("", "key");
        if (toleration.Text("operator") == "Exists") return key.Length == 0 || key == taint.Text("key");
        return key == taint.Text("key") && toleration.TextOr("", "value") == taint.TextOr("", "value");
    }
}
