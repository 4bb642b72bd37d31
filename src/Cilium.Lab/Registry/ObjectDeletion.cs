using System.Globalization;
using System.Text.Json.Nodes;
using Cilium.Lab.Admission;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Registry;

/// <summary>Deletions: at once, after a grace period, or when the last finalizer is gone.</summary>
internal sealed class ObjectDeletion(ObjectStore store, AdmissionTable admissions, TimeProvider clock)
{
    /// <summary>The last state of the object; still stored when it is deleted later.</summary>
    public JsonObject Delete(ResourceKind kind, ObjectKey key, DeleteOptions options)
    {
        JsonObject? last = null;
        var stored = store.Apply(key, present =>
        {
            var current = last = present?.Json ?? throw ApiException.NotFound(kind, key.Name);
            Check(kind, key, current, options);
            if (options.DryRun) return current;
            var grace = GraceSeconds(kind, current, options);
            var finalizers = current.Items("metadata", "finalizers").Select(item => item.Display()).ToList();
            var orphan = options.Propagation == "Orphan" && !finalizers.Contains("orphan");
            if (orphan) finalizers.Add("orphan");
            if (options.Propagation == "Foreground" && !finalizers.Contains("foregroundDeletion")) finalizers.Add("foregroundDeletion");
            var held = finalizers.Count > 0 || (kind.Id == BuiltInKinds.Namespaces && current.Items("spec", "finalizers").Any());
            if (grace == 0 && !held) return null;
            return Mark(kind, current, grace, finalizers);
        }, (after, before) =>
        {
            if (!options.DryRun) admissions.For(kind.Id).Committed(after?.Json, before?.Json);
        });
        return stored?.Json ?? last!;
    }

    private JsonObject Mark(ResourceKind kind, JsonObject current, long grace, List<string> finalizers)
    {
        var draft = current.Copy();
        var metadata = draft.Ensure("metadata");
        if (!current.IsDeleting())
            metadata["deletionTimestamp"] = clock.GetUtcNow().AddSeconds(grace).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        if (!current.IsDeleting() || grace < current.Number("metadata", "deletionGracePeriodSeconds")) metadata["deletionGracePeriodSeconds"] = grace;
        if (finalizers.Count > 0) metadata["finalizers"] = finalizers.ToJsonTexts();
        if (kind.Id == BuiltInKinds.Namespaces) draft.Ensure("status")["phase"] = "Terminating";
        return draft;
    }

    private static void Check(ResourceKind kind, ObjectKey key, JsonObject current, DeleteOptions options)
    {
        if (options.Uid is not null && options.Uid != current.Uid())
            throw ApiException.Conflict(kind, key.Name, $"Precondition failed: UID in precondition: {options.Uid}, UID in object meta: {current.Uid()}");
        if (options.ResourceVersion is not null && options.ResourceVersion != current.ResourceVersion())
            throw ApiException.Conflict(kind, key.Name, "Precondition failed: the ResourceVersion in the precondition does not match");
        if (kind.Id == BuiltInKinds.Namespaces && key.Name is "default" or "kube-system" or "kube-public")
            throw new ApiException(403, "Forbidden", $"namespaces \"{key.Name}\" is forbidden: this namespace may not be deleted");
    }

    private static long GraceSeconds(ResourceKind kind, JsonObject current, DeleteOptions options)
    {
        if (kind.Id != BuiltInKinds.Pods) return 0;
        if (current.TextOr("", "spec", "nodeName").Length == 0) return 0;
        if (current.Text("status", "phase") is "Succeeded" or "Failed") return 0;
        return options.GracePeriodSeconds ?? current.Number("spec", "terminationGracePeriodSeconds") ?? 30;
    }
}
