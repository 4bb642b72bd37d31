using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cilium.Lab.Admission;
using Cilium.Lab.Json;
using Cilium.Lab.Patching;
using Cilium.Lab.Schemas;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Registry;

/// <summary>Every write to the cluster: creation, replacement and patches with defaults, validation and ownership of fields.</summary>
internal sealed partial class ObjectRegistry(ObjectStore store, ResourceCatalog catalog, AdmissionTable admissions, TimeProvider clock)
{
    public ObjectStore Store => store;

    public ResourceCatalog Catalog => catalog;

    public TimeProvider Clock => clock;

    public JsonObject Create(ResourceKind kind, string version, string ns, JsonObject body, WriteOptions options)
    {
        var draft = body.Copy();
        var metadata = draft.Ensure("metadata");
        if (kind.Namespaced)
        {
            if (metadata.Text("namespace") is { Length: > 0 } stated && stated != ns)
                throw ApiException.BadRequest($"the namespace of the provided object does not match the namespace sent on the request ({stated} != {ns})");
            metadata["namespace"] = ns;
        }
        else metadata.Remove("namespace");

        if (metadata.TextOr("", "name").Length == 0 && metadata.Text("generateName") is { Length: > 0 } prefix)
            metadata["name"] = prefix + RandomNumberGenerator.GetString("bcdfghjklmnpqrstvwxz2456789", 5);
        var name = draft.Name();
        if (name.Length == 0) throw ApiException.Invalid(kind, "", [("metadata.name", "Required value: name or generateName is required")]);
        if (!ValidName().IsMatch(name) && kind.Id.Group != "rbac.authorization.k8s.io")
            throw ApiException.Invalid(kind, name, [("metadata.name", $"Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character")]);
        if (kind.Namespaced) RequireNamespace(ns);
        metadata.Remove("resourceVersion");
        metadata.Remove("deletionTimestamp");
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = clock.Stamp();
        if (HasGeneration(kind)) metadata["generation"] = 1;
        // Only a node comes with a status of its own: a kubelet registers what the machine has.
        if (kind.HasStatus && kind.Id != BuiltInKinds.Nodes) draft.Remove("status");
        var key = new ObjectKey(kind.Id, kind.Namespaced ? ns : "", name);
        return Commit(kind, version, key, options, current =>
        {
            if (current is not null) throw ApiException.AlreadyExists(kind, name);
            return draft;
        }, track: options.FieldManager is not null && body.At("metadata", "managedFields") is null)!;
    }

    /// <summary>Replaces an object or its status.</summary>
    public JsonObject Update(ResourceKind kind, string version, ObjectKey key, JsonObject body, string? subresource, WriteOptions options)
    {
        return Commit(kind, version, key, options, current =>
        {
            if (current is null) throw ApiException.NotFound(kind, key.Name);
            var wanted = body.ResourceVersion();
            if (wanted.Length > 0 && wanted != current.ResourceVersion())
                throw ApiException.Conflict(kind, key.Name, "the object has been modified; please apply your changes to the latest version and try again");
            return Carry(kind, current, WithManagers(current, body.Copy()), subresource);
        }, subresource)!;
    }

    public JsonObject Patch(ResourceKind kind, string version, ObjectKey key, JsonNode patch, PatchType type, string? subresource, WriteOptions options)
    {
        var shapes = ListShapes.For(kind, version);
        if (type == PatchType.Strategic && kind.IsCustom)
            throw new ApiException(415, "UnsupportedMediaType", "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
        if (type == PatchType.Apply) return ServerApply(kind, version, key, patch, subresource, shapes, options);
        return Commit(kind, version, key, options, current =>
        {
            if (current is null) throw ApiException.NotFound(kind, key.Name);
            var patched = type switch
            {
                PatchType.Json => JsonPatch.Apply(current, patch),
                PatchType.Merge => MergePatch.Apply(current, patch),
                _ when patch is JsonObject changes => StrategicMergePatch.Apply(current, changes, shapes),
                _ => null,
            };
            if (patched is not JsonObject draft) throw ApiException.BadRequest("the patched document is not an object");
            if (draft.ResourceVersion() is { Length: > 0 } wanted && wanted != current.ResourceVersion())
                throw ApiException.Conflict(kind, key.Name, "the object has been modified; please apply your changes to the latest version and try again");
            return Carry(kind, current, WithManagers(current, draft), subresource);
        }, subresource)!;
    }

    private JsonObject ServerApply(
        ResourceKind kind, string version, ObjectKey key, JsonNode patch, string? subresource, IListShapes shapes, WriteOptions options)
    {
        if (patch is not JsonObject applied) throw ApiException.BadRequest("an applied configuration must be an object");
        var manager = options.FieldManager ?? throw ApiException.BadRequest("PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch");
        var own = Applicable(kind, applied, subresource);
        if (store.Get(key) is null)
        {
            if (subresource is not null) throw ApiException.NotFound(kind, key.Name);
            if (kind.Namespaced) RequireNamespace(key.Namespace);
            var fresh = ServerSideApply.Apply(null, own, manager, options.Force, shapes, clock.Stamp());
            fresh.Ensure("metadata")["name"] = key.Name;
            return Create(kind, version, key.Namespace, fresh, options);
        }

        return Commit(kind, version, key, options, current =>
        {
            if (current is null) throw ApiException.NotFound(kind, key.Name);
            return Carry(kind, current, ServerSideApply.Apply(current, own, manager, options.Force, shapes, clock.Stamp(), subresource), subresource);
        }, subresource, track: false)!;
    }

    /// <summary>The part of an applied document that the write can set, and so own: the status, or all but it where it has a subresource.</summary>
    private static JsonObject Applicable(ResourceKind kind, JsonObject applied, string? subresource) =>
        new(applied.Where(pair => subresource == "status" ? pair.Key is "apiVersion" or "kind" or "metadata" or "status" : pair.Key != "status" || !kind.HasStatus)
            .Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone())));

    /// <summary>Completes, validates and stores what <paramref name="change"/> makes of the present state.</summary>
    private JsonObject? Commit(
        ResourceKind kind, string version, ObjectKey key, WriteOptions options, Func<JsonObject?, JsonObject> change, string? subresource = null, bool track = true)
    {
        JsonObject? outcome = null;
        JsonObject? previous = null;
        var admission = admissions.For(kind.Id);
        var stored = store.Apply(key, present =>
        {
            var current = previous = present?.Json;
            var draft = change(current);
            draft["kind"] = kind.Kind;
            draft["apiVersion"] = kind.StorageApiVersion;
            Complete(kind, version, draft, current, subresource, admission, options);
            BumpGeneration(kind, draft, current);
            if (track && ShouldTrack(draft, options))
                draft = ServerSideApply.Track(current, draft, options.FieldManager ?? "unknown", ListShapes.For(kind, version), clock.Stamp(), subresource, kind.HasStatus);
            if (options.DryRun)
            {
                outcome = draft;
                return current;
            }

            return IsFinished(kind, draft) ? null : draft;
        }, (after, before) =>
        {
            if (!options.DryRun) admission.Committed(after?.Json, before?.Json);
        });
        return options.DryRun ? outcome : stored?.Json ?? previous;
    }

    private static void Complete(
        ResourceKind kind, string version, JsonObject draft, JsonObject? current, string? subresource, IAdmission admission, WriteOptions options)
    {
        if (kind.IsCustom)
        {
            if (kind.Version(version)?.Schema is not { } schema) return;
            var dropped = StructuralSchema.Prune(draft, schema);
            if (dropped.Count > 0 && options.FieldValidation == "Strict" && subresource is null)
                throw ApiException.BadRequest($"{kind.Kind} in version \"{version}\" cannot be handled as a {kind.Kind}: strict decoding error: {string.Join(", ", dropped.Select(path => $"unknown field \"{path}\""))}");
            if (options.FieldValidation == "Warn") options.Warnings.AddRange(dropped.Select(path => $"unknown field \"{path}\""));
            StructuralSchema.FillDefaults(draft, schema);
            var wrong = StructuralSchema.Validate(draft, schema);
            if (wrong.Count > 0) throw ApiException.Invalid(kind, draft.Name(), wrong);
            return;
        }

        admission.Complete(draft, current);
        if (subresource == "status") return;
        var causes = admission.Validate(draft, current).ToList();
        if (causes.Count > 0) throw ApiException.Invalid(kind, draft.Name(), causes);
    }

    /// <summary>A client that knows nothing of managers, and so sends none, takes no field from them.</summary>
    private static JsonObject WithManagers(JsonObject current, JsonObject draft)
    {
        if (!draft.Items("metadata", "managedFields").Any() && current.At("metadata", "managedFields") is { } managed)
            draft.Ensure("metadata")["managedFields"] = managed.DeepClone();
        return draft;
    }

    /// <summary>Keeps what a write may not change: identity, and either status or everything but status.</summary>
    private static JsonObject Carry(ResourceKind kind, JsonObject current, JsonObject draft, string? subresource)
    {
        var metadata = draft.Ensure("metadata");
        if (metadata.Text("uid") is { Length: > 0 } uid && uid != current.Uid())
            throw ApiException.Conflict(kind, current.Name(), $"Precondition failed: UID in precondition: {uid}, UID in object meta: {current.Uid()}");
        if (draft.Name() is { Length: > 0 } name && name != current.Name())
            throw ApiException.BadRequest($"the name of the object ({name}) does not match the name on the URL ({current.Name()})");
        foreach (var member in (ReadOnlySpan<string>)["name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName"])
        {
            if (current.At("metadata", member) is { } kept) metadata[member] = kept.DeepClone();
            else metadata.Remove(member);
        }

        if (subresource == "status")
        {
            var result = current.Copy();
            if (draft["status"] is { } status) result["status"] = status.DeepClone();
            else result.Remove("status");
            foreach (var member in (ReadOnlySpan<string>)["labels", "annotations"])
            {
                if (!kind.IsCustom && metadata[member] is { } value) result.Ensure("metadata")[member] = value.DeepClone();
            }

            if (metadata["managedFields"] is { } managed) result.Ensure("metadata")["managedFields"] = managed.DeepClone();
            return result;
        }

        if (kind.Id == BuiltInKinds.Namespaces && subresource != "finalize") KeepFinalizers(current, draft);
        if (kind.HasStatus)
        {
            if (current["status"] is { } status) draft["status"] = status.DeepClone();
            else draft.Remove("status");
        }

        return draft;
    }

    /// <summary>A namespace that lost its finalizer to a replacement without one would be removed before what is in it.</summary>
    private static void KeepFinalizers(JsonObject current, JsonObject draft)
    {
        if (current.At("spec", "finalizers") is { } finalizers) draft.Ensure("spec")["finalizers"] = finalizers.DeepClone();
        else draft.Members("spec")?.Remove("finalizers");
    }

    private static void BumpGeneration(ResourceKind kind, JsonObject draft, JsonObject? current)
    {
        if (current is null || !HasGeneration(kind)) return;
        foreach (var name in draft.Select(pair => pair.Key).Union(current.Select(pair => pair.Key)))
        {
            if (name is "metadata" or "status" or "apiVersion" or "kind" || JsonAccess.Same(draft[name], current[name])) continue;
            draft.Ensure("metadata")["generation"] = (current.Number("metadata", "generation") ?? 1) + 1;
            return;
        }
    }

    private static bool ShouldTrack(JsonObject draft, WriteOptions options) =>
        options.FieldManager is not null && (!options.FieldManager.StartsWith('@') || draft.Items("metadata", "managedFields").Any());

    private static bool HasGeneration(ResourceKind kind) =>
        kind.IsCustom || kind.Id.Group is "apps" or "batch" or "policy" or "apiextensions.k8s.io" or "discovery.k8s.io"
        || kind.Id.Plural is "networkpolicies" or "ingresses" or "pods";

    /// <summary>An object on its way out goes when its last finalizer does.</summary>
    private static bool IsFinished(ResourceKind kind, JsonObject draft) =>
        draft.IsDeleting() && !draft.Items("metadata", "finalizers").Any()
        && (kind.Id != BuiltInKinds.Namespaces || !draft.Items("spec", "finalizers").Any())
        && (kind.Id != BuiltInKinds.Pods || draft.Number("metadata", "deletionGracePeriodSeconds") == 0);

    private void RequireNamespace(string ns)
    {
        var found = store.Get(BuiltInKinds.Namespaces, "", ns)?.Json ?? throw ApiException.NotFound(catalog.Get(BuiltInKinds.Namespaces), ns);
        if (found.IsDeleting())
            throw new ApiException(403, "Forbidden", $"unable to create new content in namespace {ns} because it is being terminated");
    }

    [GeneratedRegex("^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$")]
    private static partial Regex ValidName();
}
