using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Admission;

/// <summary>Defaults and checks of pods and pod templates.</summary>
internal sealed class PodAdmission : IAdmission
{
    public void Complete(JsonObject draft, JsonObject? current)
    {
        var spec = draft.Ensure("spec");
        CompleteSpec(spec);
        spec.Default("serviceAccountName", "default");
        spec.Default("serviceAccount", spec.Text("serviceAccountName"));
        spec.Default("enableServiceLinks", true);
        spec.Default("preemptionPolicy", "PreemptLowerPriority");
        spec.Default("priority", 0);
        AddTolerations(spec);
        if (current is not null) return;
        draft["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = "BestEffort" };
    }

    public IEnumerable<(string Field, string Message)> Validate(JsonObject draft, JsonObject? current)
    {
        foreach (var cause in CheckSpec(draft.Members("spec"), "spec")) yield return cause;
        if (current.Text("spec", "nodeName") is { Length: > 0 } bound && draft.Text("spec", "nodeName") != bound)
            yield return ("spec.nodeName", "Forbidden: pod updates may not change the node");
    }

    /// <summary>What a template gets as well: containers, restart policy, DNS.</summary>
    public static void CompleteSpec(JsonObject spec)
    {
        spec.Default("restartPolicy", "Always");
        spec.Default("terminationGracePeriodSeconds", 30);
        spec.Default("dnsPolicy", "ClusterFirst");
        spec.Default("securityContext", new JsonObject());
        spec.Default("schedulerName", "default-scheduler");
        foreach (var list in (ReadOnlySpan<string>)["initContainers", "containers"])
        {
            foreach (var container in spec.Items(list).OfType<JsonObject>()) CompleteContainer(container);
        }
    }

    public static IEnumerable<(string Field, string Message)> CheckSpec(JsonObject? spec, string path)
    {
        var containers = spec.Items("containers").ToList();
        if (containers.Count == 0) yield return ($"{path}.containers", "Required value");
        var names = new HashSet<string>();
        for (var index = 0; index < containers.Count; index++)
        {
            var name = containers[index].TextOr("", "name");
            if (name.Length == 0) yield return ($"{path}.containers[{index}].name", "Required value");
            else if (!names.Add(name)) yield return ($"{path}.containers[{index}].name", $"Duplicate value: \"{name}\"");
            if (containers[index].TextOr("", "image").Length == 0) yield return ($"{path}.containers[{index}].image", "Required value");
        }
    }

    private static void CompleteContainer(JsonObject container)
    {
        container.Default("terminationMessagePath", "/dev/termination-log");
        container.Default("terminationMessagePolicy", "File");
        var image = container.TextOr("", "image");
        var tagged = image.LastIndexOf(':') > image.LastIndexOf('/');
        container.Default("imagePullPolicy", tagged && !image.EndsWith(":latest", StringComparison.Ordinal) ? "IfNotPresent" : "Always");
        container.Default("resources", new JsonObject());
        foreach (var port in container.Items("ports").OfType<JsonObject>()) port.Default("protocol", "TCP");
        foreach (var name in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container[name] is not JsonObject probe) continue;
            probe.Default("timeoutSeconds", 1);
            probe.Default("periodSeconds", 10);
            probe.Default("successThreshold", 1);
            probe.Default("failureThreshold", 3);
            if (probe["httpGet"] is not JsonObject get) continue;
            get.Default("path", "/");
            get.Default("scheme", "HTTP");
        }
    }

    private static void AddTolerations(JsonObject spec)
    {
        if (spec["tolerations"] is not JsonArray tolerations) spec["tolerations"] = tolerations = [];
        foreach (var key in (ReadOnlySpan<string>)["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"])
        {
            var wanted = key;
            if (tolerations.Any(item => item.Text("key") == wanted || (item.Text("key") is null && item.Text("operator") == "Exists"))) continue;
            tolerations.Add((JsonNode)new JsonObject { ["key"] = key, ["operator"] = "Exists", ["effect"] = "NoExecute", ["tolerationSeconds"] = 300 });
        }
    }
}
