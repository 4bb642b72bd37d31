using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Printing;

/// <summary>Turns objects into <c>meta.k8s.io/v1</c> Tables.</summary>
internal sealed class TablePrinter(TimeProvider clock)
{
    public JsonObject Print(ResourceKind kind, string version, IEnumerable<JsonObject> objects, JsonObject metadata, string includeObject, bool headings = true)
    {
        var columns = Columns(kind, version);
        var now = clock.GetUtcNow();
        var definitions = new JsonArray();
        foreach (var column in columns)
        {
            definitions.Add((JsonNode)new JsonObject
            {
                ["name"] = column.Name,
                ["type"] = column.Type,
                ["format"] = column.Name == "Name" ? "name" : "",
                ["description"] = column.Name,
                ["priority"] = column.Wide ? 1 : 0,
            });
        }

        var rows = new JsonArray();
        foreach (var item in objects)
        {
            var row = new JsonObject { ["cells"] = columns.Select(column => column.Cell(item, now)).ToJsonArray() };
            if (Included(item, includeObject) is { } included) row["object"] = included;
            rows.Add((JsonNode)row);
        }

        return new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = metadata,
            ["columnDefinitions"] = headings ? definitions : new JsonArray(),
            ["rows"] = rows,
        };
    }

    private static JsonObject? Included(JsonObject item, string includeObject) => includeObject switch
    {
        "None" => null,
        "Object" => item.Copy(),
        _ => new JsonObject
        {
            ["kind"] = "PartialObjectMetadata",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = item["metadata"]?.DeepClone(),
        },
    };

    private static IReadOnlyList<TableColumn> Columns(ResourceKind kind, string version)
    {
        if (!kind.IsCustom) return BuiltInColumns.For(kind.Id);
        var columns = new List<TableColumn> { new("Name", (item, _) => item.Name()) };
        if (kind.Version(version)?.PrinterColumns is not { Count: > 0 } declared)
        {
            columns.Add(new("Age", (item, now) => AgeText.Of(item.Time("metadata", "creationTimestamp"), now)));
            return columns;
        }

        foreach (var column in declared)
        {
            var path = column.TextOr("", "jsonPath");
            var type = column.TextOr("string", "type");
            columns.Add(new(column.TextOr("", "name"), (item, now) => Cell(item, path, type, now), column.Number("priority") > 0, type));
        }

        return columns;
    }

    private static JsonNode? Cell(JsonObject item, string path, string type, DateTimeOffset now)
    {
        var found = JsonPathExpression.Evaluate(item, path);
        if (found.Count == 0) return type == "date" ? "<unknown>" : type == "string" ? "" : null;
        if (type == "date")
        {
            return DateTimeOffset.TryParse(found[0].Display(), System.Globalization.CultureInfo.InvariantCulture, out var moment)
                ? AgeText.Of(moment, now)
                : "<unknown>";
        }

        return found.Count == 1 ? found[0] is JsonValue value ? value.DeepClone() : found[0].ToJsonString() : string.Join(",", found.Select(node => node.Display()));
    }
}
