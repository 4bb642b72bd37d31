using System.Text.Json;
using Cilium.Kubernetes.Wire;

namespace Cilium.Kubernetes.Reflectors;

/// <summary>Walks a list response, handing out each item as its own bytes.</summary>
internal static class ListPage
{
    public delegate void ItemHandler(ReadOnlySpan<byte> item);

    /// <returns>The list's metadata.</returns>
    /// <exception cref="JsonException">The body is no list.</exception>
    public static ListMetaWire Read(ReadOnlySpan<byte> body, ItemHandler onItem)
    {
        var reader = new Utf8JsonReader(body);
        ListMetaWire? metadata = null;
        var sawItems = false;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("a list must be a JSON object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                reader.Read();
                metadata = JsonSerializer.Deserialize(ref reader, WireJson.Default.ListMetaWire);
            }
            else if (reader.ValueTextEquals("items"u8))
            {
                sawItems = true;
                reader.Read();
                if (reader.TokenType == JsonTokenType.Null)
                {
                    continue;
                }

                if (reader.TokenType != JsonTokenType.StartArray)
                {
                    throw new JsonException("the items of a list must be an array");
                }

                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    var start = (int)reader.TokenStartIndex;
                    reader.Skip();
                    onItem(body[start..(int)reader.BytesConsumed]);
                }
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        return metadata?.ResourceVersion is { Length: > 0 } && sawItems
            ? metadata
            : throw new JsonException("a list needs items and a resource version");
    }
}
