using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Admission;

/// <summary>Accepts CustomResourceDefinitions and has the catalog serve what they describe.</summary>
internal sealed class DefinitionAdmission(ResourceCatalog catalog, ObjectStore store, TimeProvider clock) : IAdmission
{
    public void Complete(JsonObject draft, JsonObject? current)
    {
        var names = draft.Ensure("spec", "names");
        names.Default("singular", names.TextOr("", "kind").ToLowerInvariant());
        names.Default("listKind", names.TextOr("", "kind") + "List");
        draft.Ensure("spec").Default("conversion", new JsonObject { ["strategy"] = "None" });
        var status = draft.Ensure("status");
        status["acceptedNames"] = names.DeepClone();
        var stored = draft.Items("spec", "versions").Where(version => version.Flag("storage")).Select(version => version.TextOr("", "name"));
        status["storedVersions"] = stored.Union(status.Items("storedVersions").Select(version => version.Display())).ToJsonTexts();
        var now = clock.Stamp();
        Metadata.SetConditions(
            status,
            Metadata.Condition("NamesAccepted", true, "NoConflicts", "no conflicts found", now),
            Metadata.Condition("Established", true, "InitialNamesAccepted", "the initial names have been accepted", now));
    }

    public IEnumerable<(string Field, string Message)> Validate(JsonObject draft, JsonObject? current)
    {
        var expected = $"{draft.Text("spec", "names", "plural")}.{draft.Text("spec", "group")}";
        if (draft.Name() != expected) yield return ("metadata.name", $"Invalid value: \"{draft.Name()}\": must be spec.names.plural+\".\"+spec.group");
        if (draft.Text("spec", "names", "kind") is null) yield return ("spec.names.kind", "Required value");
        if (draft.Text("spec", "scope") is not ("Namespaced" or "Cluster")) yield return ("spec.scope", "Unsupported value: supported values: \"Cluster\", \"Namespaced\"");
        if (draft.Items("spec", "versions").Count(version => version.Flag("storage")) != 1)
            yield return ("spec.versions", "Invalid value: must have exactly one version marked as storage version");
    }

    public void Committed(JsonObject? stored, JsonObject? previous)
    {
        if (stored is not null && !stored.IsDeleting())
        {
            catalog.Serve(ResourceCatalog.FromDefinition(stored));
            return;
        }

        var gone = ResourceCatalog.FromDefinition((stored ?? previous)!);
        foreach (var instance in store.List(gone.Id).Objects) store.Apply(instance.Key, _ => null);
        catalog.Withdraw(gone.Id);
    }
}
