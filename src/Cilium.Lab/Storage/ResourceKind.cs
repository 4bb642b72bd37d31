using System.Text.Json.Nodes;

namespace Cilium.Lab.Storage;

/// <summary>Group and plural name: the identity of a kind of object, whatever version it is served in.</summary>
internal readonly record struct ResourceId(string Group, string Plural)
{
    public override string ToString() => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}

/// <summary>One served version of a kind.</summary>
internal sealed record ServedVersion(string Name, JsonObject? Schema = null, JsonArray? PrinterColumns = null);

/// <summary>A kind of object the API serves.</summary>
internal sealed record ResourceKind
{
    public required ResourceId Id { get; init; }

    public required string Kind { get; init; }

    public required string Singular { get; init; }

    public string ListKind { get; init; } = "";

    public bool Namespaced { get; init; } = true;

    public IReadOnlyList<string> ShortNames { get; init; } = [];

    public IReadOnlyList<string> Categories { get; init; } = [];

    public required IReadOnlyList<ServedVersion> Versions { get; init; }

    /// <summary>The version objects are stored in.</summary>
    public required string StorageVersion { get; init; }

    public bool HasStatus { get; init; }

    public bool HasScale { get; init; }

    public bool IsCustom { get; init; }

    public string ApiVersion(string version) => Id.Group.Length == 0 ? version : $"{Id.Group}/{version}";

    public string StorageApiVersion => ApiVersion(StorageVersion);

    public ServedVersion? Version(string name) => Versions.FirstOrDefault(version => version.Name == name);

    public string ListKindName => ListKind.Length > 0 ? ListKind : Kind + "List";
}
