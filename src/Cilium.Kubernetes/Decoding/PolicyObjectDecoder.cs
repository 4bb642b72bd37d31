using System.Buffers;
using System.Text.Json;
using Cilium.Core;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Keeps a policy object as JSON, without what changes while the policy stays the same.</summary>
internal static class PolicyObjectDecoder
{
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";

    public static RowDecoder<PolicyObjectRow> For(PolicyObjectKind kind) => json => Decode(kind, json);

    private static PolicyObjectRow? Decode(PolicyObjectKind kind, ReadOnlySpan<byte> json)
    {
        using var document = JsonDocument.Parse(json.ToArray());
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("metadata", out var metadata)
            || metadata.ValueKind != JsonValueKind.Object
            || Text(metadata, "name") is not { Length: > 0 } name)
        {
            return null;
        }

        var buffer = new ArrayBufferWriter<byte>(json.Length);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            WriteObject(writer, root);
        }

        return new PolicyObjectRow
        {
            Key = new PolicyObjectKey(kind, Text(metadata, "namespace") ?? "", name),
            Uid = Text(metadata, "uid") ?? "",
            Generation = metadata.TryGetProperty("generation", out var generation) && generation.TryGetInt64(out var number) ? number : 0,
            Json = EquatableArray.Create(buffer.WrittenSpan),
        };
    }

    private static void WriteObject(Utf8JsonWriter writer, JsonElement root)
    {
        writer.WriteStartObject();
        foreach (var property in root.EnumerateObject())
        {
            if (property.NameEquals("metadata"))
            {
                writer.WritePropertyName("metadata");
                WriteMetadata(writer, property.Value);
            }
            else if (!property.NameEquals("status"))
            {
                property.WriteTo(writer);
            }
        }

        writer.WriteEndObject();
    }

    private static void WriteMetadata(Utf8JsonWriter writer, JsonElement metadata)
    {
        writer.WriteStartObject();
        foreach (var property in metadata.EnumerateObject())
        {
            if (property.NameEquals("annotations") && property.Value.ValueKind == JsonValueKind.Object)
            {
                writer.WriteStartObject("annotations");
                foreach (var annotation in property.Value.EnumerateObject())
                {
                    if (!annotation.NameEquals(LastApplied))
                    {
                        annotation.WriteTo(writer);
                    }
                }

                writer.WriteEndObject();
            }
            else if (!property.NameEquals("resourceVersion") && !property.NameEquals("managedFields") && !property.NameEquals("generation"))
            {
                property.WriteTo(writer);
            }
        }

        writer.WriteEndObject();
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
