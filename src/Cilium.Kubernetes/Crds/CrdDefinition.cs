using System.Text.Json.Nodes;

namespace Cilium.Kubernetes.Crds;

/// <summary>A custom resource definition that this program knows, as it is sent to the API server.</summary>
/// <param name="Resource">The kind.</param>
/// <param name="ShortNames">What <c>kubectl get</c> also understands.</param>
/// <param name="Categories">The groups of kinds it belongs to.</param>
/// <param name="HasStatus">True for a status subresource.</param>
/// <param name="Columns">The columns that <c>kubectl get</c> prints.</param>
/// <param name="Schema">The schema of the whole object.</param>
internal sealed record CrdDefinition(
    Resource Resource,
    IReadOnlyList<string> ShortNames,
    IReadOnlyList<string> Categories,
    bool HasStatus,
    IReadOnlyList<CrdColumn> Columns,
    JsonObject Schema)
{
    /// <summary>Older versions that are served with the same schema; none is stored.</summary>
    public IReadOnlyList<string> AlsoServed { get; init; } = [];

    public string Name => $"{Resource.Plural}.{Resource.Group}";

    /// <summary>The <c>spec</c> of the definition.</summary>
    public JsonObject Spec()
    {
        var names = new JsonObject
        {
            ["kind"] = Resource.Kind,
            ["listKind"] = $"{Resource.Kind}List",
            ["plural"] = Resource.Plural,
            ["singular"] = Resource.Kind.ToLowerInvariant(),
            ["shortNames"] = Texts(ShortNames),
            ["categories"] = Texts(Categories),
        };
        return new JsonObject
        {
            ["group"] = Resource.Group,
            ["names"] = names,
            ["scope"] = Resource.IsNamespaced ? "Namespaced" : "Cluster",
            ["versions"] = new JsonArray([Version(Resource.Version, true), .. AlsoServed.Select(version => Version(version, false))]),
        };
    }

    private JsonObject Version(string name, bool isStored)
    {
        var version = new JsonObject
        {
            ["name"] = name,
            ["served"] = true,
            ["storage"] = isStored,
            ["schema"] = new JsonObject { ["openAPIV3Schema"] = Schema.DeepClone() },
            ["subresources"] = HasStatus ? new JsonObject { ["status"] = new JsonObject() } : new JsonObject(),
        };
        if (Columns.Count > 0)
        {
            version["additionalPrinterColumns"] = new JsonArray([.. Columns.Select(column => (JsonNode)column.ToJson())]);
        }

        return version;
    }

    /// <summary>The definition as a manifest.</summary>
    public JsonObject Manifest() => new()
    {
        ["apiVersion"] = Resource.CustomResourceDefinitions.ApiVersion,
        ["kind"] = Resource.CustomResourceDefinitions.Kind,
        ["metadata"] = new JsonObject
        {
            ["name"] = Name,
            ["labels"] = new JsonObject { [CustomResourceDefinitions.VersionLabel] = CustomResourceDefinitions.SchemaVersion.ToString() },
        },
        ["spec"] = Spec(),
    };

    private static JsonArray Texts(IReadOnlyList<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);
}

/// <summary>A column of <c>kubectl get</c>.</summary>
/// <param name="Name">The heading.</param>
/// <param name="Type"><c>string</c>, <c>integer</c> or <c>date</c>.</param>
/// <param name="Path">Where the value is.</param>
/// <param name="Description">What it means.</param>
/// <param name="IsWide">True when only <c>-o wide</c> shows it.</param>
internal sealed record CrdColumn(string Name, string Type, string Path, string Description, bool IsWide = false)
{
    public static CrdColumn Age { get; } = new("Age", "date", ".metadata.creationTimestamp", "Time since creation");

    public JsonObject ToJson()
    {
        var column = new JsonObject { ["name"] = Name, ["type"] = Type, ["jsonPath"] = Path, ["description"] = Description };
        if (IsWide)
        {
            column["priority"] = 1;
        }

        return column;
    }
}
