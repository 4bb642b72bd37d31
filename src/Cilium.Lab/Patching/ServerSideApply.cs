using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Patching;

/// <summary>Merges what a manager applies into an object and keeps account of who owns which field.</summary>
internal static class ServerSideApply
{
    /// <summary>
    /// Merges <paramref name="applied"/> into <paramref name="live"/> (null for a new object) for one manager. What a manager did to a
    /// subresource has an entry of its own.
    /// </summary>
    /// <exception cref="ApiException">409: another manager owns a field with a different value and force is off.</exception>
    public static JsonObject Apply(
        JsonObject? live, JsonObject applied, string manager, bool force, IListShapes shapes, string now, string? subresource = null)
    {
        var mine = new Ownership(manager, "Apply", subresource);
        var wanted = FieldSet.Of(applied, shapes);
        var entries = Entries(live);
        if (live is null) return WithEntry(applied.Copy(), [], mine, wanted, applied.TextOr("v1", "apiVersion"), now);

        var merged = Merge(live, applied, shapes, []);
        var conflicts = new List<(JsonObject Entry, JsonObject Fields)>();
        foreach (var entry in entries)
        {
            if (mine.Has(entry)) continue;
            var shared = FieldSet.Except(wanted, FieldSet.Except(wanted, entry.Members("fieldsV1") ?? []));
            // Only what the merge changes is disputed: an applied empty object leaves the members that others gave it.
            var differing = FieldSet.Changed(live, merged, shared, shapes);
            if (differing.Count > 0) conflicts.Add((entry, differing));
        }

        if (conflicts.Count > 0 && !force) throw Conflict(conflicts);
        foreach (var (entry, lost) in conflicts) entry["fieldsV1"] = FieldSet.Except(entry.Members("fieldsV1") ?? [], lost);

        var present = entries.FirstOrDefault(mine.Has);
        var previous = present.Members("fieldsV1");
        var apiVersion = applied.TextOr("v1", "apiVersion");
        // The same again is no write: its time stays that of the first.
        if (JsonAccess.Same(previous, wanted) && present.Text("apiVersion") == apiVersion && FieldSet.Changed(live, merged, wanted, shapes).Count == 0)
            return WithEntries(merged, entries);
        if (previous is not null)
        {
            var dropped = FieldSet.Except(previous, wanted);
            foreach (var entry in entries)
            {
                if (mine.Has(entry)) continue;
                dropped = FieldSet.Except(dropped, entry.Members("fieldsV1") ?? []);
            }

            FieldSet.Remove(merged, dropped, shapes);
        }

        return WithEntry(merged, entries, mine, wanted, apiVersion, now);
    }

    /// <summary>Books the fields that an ordinary write changed for its manager and takes them, and those it removed, from all others.</summary>
    /// <param name="before">Null for a new object.</param>
    /// <param name="after">What is to be stored.</param>
    /// <param name="manager">Who writes.</param>
    /// <param name="shapes">How lists are merged.</param>
    /// <param name="now">The time of the write.</param>
    /// <param name="subresource">The subresource that is written.</param>
    /// <param name="hasStatus">Whether the kind's status is its subresource's alone: then a write of the object never owns it.</param>
    public static JsonObject Track(
        JsonObject? before, JsonObject after, string manager, IListShapes shapes, string now, string? subresource = null, bool hasStatus = false)
    {
        var fields = FieldSet.Of(after, shapes);
        if (hasStatus && subresource != "status") fields.Remove("f:status");
        var changed = before is null ? fields : FieldSet.Changed(before, after, fields, shapes);
        var entries = Entries(before);
        foreach (var entry in entries)
        {
            if (entry.Members("fieldsV1") is { } owned) entry["fieldsV1"] = FieldSet.Except(owned, FieldSet.Changed(before, after, owned, shapes));
        }

        if (changed.Count == 0) return WithEntries(after, entries);

        var mine = new Ownership(manager, "Update", subresource);
        var total = entries.FirstOrDefault(mine.Has).Members("fieldsV1") is { } present ? FieldSet.Union(present, changed) : changed;
        return WithEntry(after, entries, mine, total, after.TextOr("v1", "apiVersion"), now);
    }

    private static JsonObject Merge(JsonObject live, JsonObject applied, IListShapes shapes, List<string> path)
    {
        var result = live.Copy();
        foreach (var (name, value) in applied)
        {
            path.Add(name);
            result[name] = value switch
            {
                JsonObject members when result[name] is JsonObject present => Merge(present, members, shapes, path),
                JsonArray items => MergeList(result[name] as JsonArray, items, shapes, path),
                _ => value?.DeepClone(),
            };
            path.RemoveAt(path.Count - 1);
        }

        return result;
    }

    private static JsonArray MergeList(JsonArray? live, JsonArray applied, IListShapes shapes, List<string> path)
    {
        var shape = shapes.At(path);
        if (live is null || shape.Merge == ListMerge.Atomic) return (JsonArray)applied.DeepClone();
        var result = live.DeepClone().AsArray();
        foreach (var item in applied)
        {
            if (shape.Merge == ListMerge.Set)
            {
                if (!result.Any(present => JsonAccess.Same(present, item))) result.Add(item?.DeepClone());
                continue;
            }

            var index = result.ToList().FindIndex(present => shape.KeyOf(present) == shape.KeyOf(item));
            if (index < 0) result.Add(item?.DeepClone());
            else if (item is JsonObject members && result[index] is JsonObject present) result[index] = Merge(present, members, shapes, path);
        }

        return result;
    }

    private static List<JsonObject> Entries(JsonObject? live) =>
        [.. live.Items("metadata", "managedFields").OfType<JsonObject>().Select(entry => entry.Copy())];

    private static JsonObject WithEntry(
        JsonObject document, List<JsonObject> entries, Ownership owner, JsonObject fields, string apiVersion, string now)
    {
        entries.RemoveAll(owner.Has);
        var added = new JsonObject
        {
            ["manager"] = owner.Manager,
            ["operation"] = owner.Operation,
            ["apiVersion"] = apiVersion,
            ["time"] = now,
            ["fieldsType"] = "FieldsV1",
            ["fieldsV1"] = fields.DeepClone(),
        };
        if (owner.Subresource is not null) added["subresource"] = owner.Subresource;
        entries.Add(added);
        return WithEntries(document, entries);
    }

    private static JsonObject WithEntries(JsonObject document, List<JsonObject> entries)
    {
        entries.RemoveAll(entry => entry.Members("fieldsV1") is not { Count: > 0 });
        var metadata = document.Ensure("metadata");
        if (entries.Count == 0) metadata.Remove("managedFields");
        else metadata["managedFields"] = entries.Select(entry => (JsonNode?)entry).ToJsonArray();
        return document;
    }

    private static ApiException Conflict(List<(JsonObject Entry, JsonObject Fields)> conflicts)
    {
        static string Name(JsonObject entry) => entry.TextOr("unknown", "manager");
        var causes = new JsonArray();
        foreach (var (entry, fields) in conflicts)
        {
            foreach (var leaf in FieldSet.Leaves(fields))
                causes.Add((JsonNode)new JsonObject { ["reason"] = "FieldManagerConflict", ["message"] = $"conflict with \"{Name(entry)}\"", ["field"] = leaf });
        }

        var text = string.Join("\n", conflicts.Select(c => $"conflicts with \"{Name(c.Entry)}\":\n{string.Join("\n", FieldSet.Leaves(c.Fields).Select(f => "- " + f))}"));
        var count = causes.Count == 1 ? "1 conflict" : $"{causes.Count} conflicts";
        return new ApiException(409, "Conflict", $"Apply failed with {count}: {text}", new JsonObject { ["causes"] = causes });
    }

    /// <summary>Whose an entry of <c>managedFields</c> is.</summary>
    private readonly record struct Ownership(string Manager, string Operation, string? Subresource)
    {
        public bool Has(JsonObject entry) =>
            entry.Text("manager") == Manager && entry.Text("operation") == Operation && entry.Text("subresource") == Subresource;
    }
}
