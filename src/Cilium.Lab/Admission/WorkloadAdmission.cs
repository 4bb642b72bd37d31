using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Admission;

/// <summary>Defaults and checks of what makes pods from a template.</summary>
internal sealed class WorkloadAdmission(string kind) : IAdmission
{
    public void Complete(JsonObject draft, JsonObject? current)
    {
        var spec = draft.Ensure("spec");
        if (kind is "Deployment" or "ReplicaSet") spec.Default("replicas", 1);
        switch (kind)
        {
            case "Deployment":
                spec.Default("revisionHistoryLimit", 10);
                spec.Default("progressDeadlineSeconds", 600);
                var strategy = spec.Ensure("strategy");
                strategy.Default("type", "RollingUpdate");
                if (strategy.Text("type") == "RollingUpdate")
                {
                    strategy.Ensure("rollingUpdate").Default("maxUnavailable", "25%");
                    strategy.Ensure("rollingUpdate").Default("maxSurge", "25%");
                }

                break;
            case "DaemonSet":
                spec.Default("revisionHistoryLimit", 10);
                var update = spec.Ensure("updateStrategy");
                update.Default("type", "RollingUpdate");
                if (update.Text("type") == "RollingUpdate")
                {
                    update.Ensure("rollingUpdate").Default("maxUnavailable", 1);
                    update.Ensure("rollingUpdate").Default("maxSurge", 0);
                }

                break;
        }

        var template = spec.Ensure("template");
        template.Ensure("metadata").Default("creationTimestamp", null);
        if (template["spec"] is JsonObject podSpec) PodAdmission.CompleteSpec(podSpec);
    }

    public IEnumerable<(string Field, string Message)> Validate(JsonObject draft, JsonObject? current)
    {
        foreach (var cause in PodAdmission.CheckSpec(draft.Members("spec", "template", "spec"), "spec.template.spec")) yield return cause;
        var selector = draft.Members("spec", "selector");
        if (selector is null)
        {
            yield return ("spec.selector", "Required value");
            yield break;
        }

        if (LabelSelector.FromObject(selector)?.Matches(draft.Members("spec", "template", "metadata", "labels")) != true)
            yield return ("spec.template.metadata.labels", "Invalid value: `selector` does not match template `labels`");
        if (current is not null && !JsonAccess.Same(current.At("spec", "selector"), selector))
            yield return ("spec.selector", "Invalid value: field is immutable");
        if (draft.Number("spec", "replicas") < 0) yield return ("spec.replicas", "Invalid value: must be greater than or equal to 0");
    }
}
