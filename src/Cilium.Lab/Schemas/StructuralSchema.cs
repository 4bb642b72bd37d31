using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cilium.Lab.Json;

namespace Cilium.Lab.Schemas;

/// <summary>
/// Applies the OpenAPI v3 schema of a custom resource: drops unknown members, fills defaults, and validates.
/// Rules in CEL (<c>x-kubernetes-validations</c>) are not evaluated.
/// </summary>
internal static class StructuralSchema
{
    /// <summary>Removes members the schema does not know and returns their paths.</summary>
    public static List<string> Prune(JsonObject document, JsonObject schema)
    {
        var dropped = new List<string>();
        foreach (var (name, child) in document.ToList())
        {
            if (name is "apiVersion" or "kind" or "metadata" || child is null) continue;
            if (schema.Members("properties", name) is { } childSchema) PruneValue(child, childSchema, name, dropped);
            else if (!Preserves(schema) && schema.Members("properties") is not null)
            {
                document.Remove(name);
                dropped.Add(name);
            }
        }

        return dropped;
    }

    /// <summary>Sets absent members that have a default; nulls of members that are not nullable are treated as absent.</summary>
    public static void FillDefaults(JsonNode? value, JsonObject schema)
    {
        switch (value)
        {
            case JsonObject members:
                foreach (var (name, childSchema) in schema.Members("properties") ?? [])
                {
                    if (childSchema is not JsonObject child) continue;
                    if (members.TryGetPropertyValue(name, out var present) && present is null && !child.Flag("nullable")) members.Remove(name);
                    if (!members.ContainsKey(name) && child["default"] is { } fallback) members[name] = fallback.DeepClone();
                    if (members[name] is { } set) FillDefaults(set, child);
                }

                if (schema["additionalProperties"] is JsonObject rest)
                {
                    foreach (var (name, child) in members)
                    {
                        if (schema.Members("properties", name) is null) FillDefaults(child, rest);
                    }
                }

                break;
            case JsonArray items when schema["items"] is JsonObject itemSchema:
                foreach (var item in items) FillDefaults(item, itemSchema);
                break;
        }
    }

    public static List<(string Field, string Message)> Validate(JsonNode document, JsonObject schema)
    {
        var causes = new List<(string, string)>();
        foreach (var (name, childSchema) in schema.Members("properties") ?? [])
        {
            if (name is "apiVersion" or "kind" or "metadata" || childSchema is not JsonObject child) continue;
            if (document.Members() is { } members && members[name] is { } value) ValidateValue(value, child, name, causes);
        }

        CheckRequired(document, schema, "", causes);
        return causes;
    }

    private static void ValidateValue(JsonNode value, JsonObject schema, string path, List<(string, string)> causes)
    {
        if (!HasType(value, schema))
        {
            var wanted = schema.Flag("x-kubernetes-int-or-string") ? "integer,string" : schema.TextOr("", "type");
            causes.Add((path, $"Invalid value: \"{TypeName(value)}\": {path} in body must be of type {wanted}: \"{TypeName(value)}\""));
            return;
        }

        if (schema["enum"] is JsonArray options && !options.Any(option => JsonAccess.Same(option, value)))
            causes.Add((path, $"Unsupported value: {value.ToJsonString()}: supported values: {string.Join(", ", options.Select(option => option!.ToJsonString()))}"));

        switch (value)
        {
            case JsonObject members:
                CheckRequired(members, schema, path, causes);
                CheckCount(members.Count, schema, "minProperties", "maxProperties", path, causes);
                foreach (var (name, child) in members)
                {
                    var childSchema = schema.Members("properties", name) ?? schema["additionalProperties"] as JsonObject;
                    if (child is not null && childSchema is not null) ValidateValue(child, childSchema, $"{path}.{name}", causes);
                }

                break;
            case JsonArray items:
                CheckCount(items.Count, schema, "minItems", "maxItems", path, causes);
                if (schema["items"] is JsonObject itemSchema)
                {
                    for (var index = 0; index < items.Count; index++)
                    {
                        if (items[index] is { } item) ValidateValue(item, itemSchema, $"{path}[{index}]", causes);
                    }
                }

                break;
            case JsonValue scalar:
                ValidateScalar(scalar, schema, path, causes);
                break;
        }

        CheckCombinations(value, schema, path, causes);
    }

    private static void ValidateScalar(JsonValue value, JsonObject schema, string path, List<(string, string)> causes)
    {
        if (value.TryGetValue(out string? text))
        {
            CheckCount(text.Length, schema, "minLength", "maxLength", path, causes);
            if (schema.Text("pattern") is { } pattern && !Matches(text, pattern))
                causes.Add((path, $"Invalid value: \"{text}\": {path} in body should match '{pattern}'"));
            if (schema.Text("format") is { } format && !HasFormat(text, format))
                causes.Add((path, $"Invalid value: \"{text}\": {path} in body must be of type {format}: \"{text}\""));
            return;
        }

        if (!TryReal(value, out var number)) return;
        if (TryReal(schema["minimum"], out var minimum) && (number < minimum || (schema.Flag("exclusiveMinimum") && number <= minimum)))
            causes.Add((path, $"Invalid value: {value.ToJsonString()}: {path} in body should be greater than or equal to {Plain(minimum)}"));
        if (TryReal(schema["maximum"], out var maximum) && (number > maximum || (schema.Flag("exclusiveMaximum") && number >= maximum)))
            causes.Add((path, $"Invalid value: {value.ToJsonString()}: {path} in body should be less than or equal to {Plain(maximum)}"));
    }

    private static void CheckRequired(JsonNode value, JsonObject schema, string path, List<(string, string)> causes)
    {
        foreach (var name in schema.Items("required"))
        {
            var member = name.Display();
            if (value is JsonObject members && members.ContainsKey(member)) continue;
            causes.Add((path.Length == 0 ? member : $"{path}.{member}", "Required value"));
        }
    }

    private static void CheckCombinations(JsonNode value, JsonObject schema, string path, List<(string, string)> causes)
    {
        bool Holds(JsonNode? branch)
        {
            if (branch is not JsonObject branchSchema) return true;
            var found = new List<(string, string)>();
            ValidateValue(value, branchSchema, path, found);
            return found.Count == 0;
        }

        if (schema["allOf"] is JsonArray all && !all.All(Holds)) causes.Add((path, $"Invalid value: {path} in body must validate all the schemas (allOf)"));
        if (schema["anyOf"] is JsonArray any && !any.Any(Holds)) causes.Add((path, $"Invalid value: {path} in body must validate at least one schema (anyOf)"));
        if (schema["oneOf"] is JsonArray one && one.Count(Holds) != 1) causes.Add((path, $"Invalid value: {path} in body must validate one and only one schema (oneOf)"));
        if (schema["not"] is JsonObject not && Holds(not)) causes.Add((path, $"Invalid value: {path} in body must not validate the schema (not)"));
    }

    private static void CheckCount(int count, JsonObject schema, string minimumName, string maximumName, string path, List<(string, string)> causes)
    {
        if (schema.Number(minimumName) is { } minimum && count < minimum)
            causes.Add((path, $"Invalid value: {count}: {path} in body should have at least {minimum} ({minimumName})"));
        if (schema.Number(maximumName) is { } maximum && count > maximum)
            causes.Add((path, $"Too long: may not have more than {maximum} ({maximumName})"));
    }

    private static void PruneValue(JsonNode value, JsonObject schema, string path, List<string> dropped)
    {
        switch (value)
        {
            case JsonArray items when schema["items"] is JsonObject itemSchema:
                for (var index = 0; index < items.Count; index++)
                {
                    if (items[index] is { } item) PruneValue(item, itemSchema, $"{path}[{index}]", dropped);
                }

                break;
            case JsonObject members:
                var properties = schema.Members("properties");
                var rest = schema["additionalProperties"];
                foreach (var (name, child) in members.ToList())
                {
                    if (properties?[name] is JsonObject childSchema)
                    {
                        if (child is not null) PruneValue(child, childSchema, $"{path}.{name}", dropped);
                    }
                    else if (rest is JsonObject restSchema)
                    {
                        if (child is not null) PruneValue(child, restSchema, $"{path}.{name}", dropped);
                    }
                    else if (rest is null && !Preserves(schema))
                    {
                        members.Remove(name);
                        dropped.Add($"{path}.{name}");
                    }
                }

                break;
        }
    }

    private static bool Preserves(JsonObject schema) =>
        schema.Flag("x-kubernetes-preserve-unknown-fields") || schema.Flag("x-kubernetes-embedded-resource") || schema.Text("type") is null;

    private static bool HasType(JsonNode value, JsonObject schema)
    {
        if (schema.Flag("x-kubernetes-int-or-string")) return TypeName(value) is "integer" or "string";
        return schema.Text("type") switch
        {
            null or "" => true,
            "number" => TypeName(value) is "integer" or "number",
            var type => TypeName(value) == type,
        };
    }

    private static string TypeName(JsonNode value) => value switch
    {
        JsonObject => "object",
        JsonArray => "array",
        JsonValue scalar when scalar.TryGetValue(out string? _) => "string",
        JsonValue scalar when scalar.TryGetValue(out bool _) => "boolean",
        _ => value.AsNumber() is null ? "number" : "integer",
    };

    private static bool TryReal(JsonNode? node, out double number)
    {
        number = 0;
        if (node is not JsonValue value) return false;
        if (value.TryGetValue(out number)) return true;
        if (value.AsNumber() is not { } whole) return false;
        number = whole;
        return true;
    }

    private static string Plain(double number) => number.ToString(CultureInfo.InvariantCulture);

    private static bool Matches(string text, string pattern)
    {
        try
        {
            return Regex.IsMatch(text, pattern, RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds(200));
        }
        catch (Exception refused) when (refused is ArgumentException or RegexMatchTimeoutException)
        {
            return true;
        }
    }

    private static bool HasFormat(string text, string format) => format switch
    {
        "ipv4" => System.Net.IPAddress.TryParse(text, out var address) && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork,
        "ipv6" => System.Net.IPAddress.TryParse(text, out var address) && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6,
        "cidr" => System.Net.IPNetwork.TryParse(text, out _),
        "date-time" => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _),
        _ => true,
    };
}
