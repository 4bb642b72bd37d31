using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Storage;

/// <summary>Where an object lives: kind, namespace (empty when cluster-wide) and name.</summary>
internal readonly record struct ObjectKey(ResourceId Resource, string Namespace, string Name)
{
    public override string ToString() => Namespace.Length == 0 ? $"{Resource}/{Name}" : $"{Resource}/{Namespace}/{Name}";
}

/// <summary>One state of an object. The document is shared by all readers and never changed.</summary>
internal sealed record StoredObject(ObjectKey Key, JsonObject Json, byte[] Utf8, long Revision)
{
    public static StoredObject From(ObjectKey key, JsonObject draft, long revision)
    {
        draft.Ensure("metadata")["resourceVersion"] = revision.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var utf8 = draft.ToUtf8();
        return new StoredObject(key, (JsonObject)JsonAccess.ParseComplete(utf8)!, utf8, revision);
    }
}

internal enum ChangeType : byte
{
    Added,
    Modified,
    Deleted,
}

/// <summary>One step in the history of the store. <see cref="Previous"/> is the state before, null for an addition.</summary>
internal sealed record StoreChange(ChangeType Type, StoredObject Object, StoredObject? Previous)
{
    public long Revision => Object.Revision;
}
