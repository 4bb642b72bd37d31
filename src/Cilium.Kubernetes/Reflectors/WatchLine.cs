using System.Text.Json;

namespace Cilium.Kubernetes.Reflectors;

/// <summary>What a line of a watch says.</summary>
internal enum WatchEventType : byte
{
    Added = 0,
    Modified = 1,
    Deleted = 2,
    Bookmark = 3,
    Error = 4,
}

/// <summary>One line of a watch, cut into its parts without decoding the object.</summary>
internal readonly ref struct WatchLine
{
    public WatchEventType Type { get; private init; }

    public ReadOnlySpan<byte> Object { get; private init; }

    /// <exception cref="JsonException">The line is no watch event.</exception>
    public static WatchLine Parse(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        WatchEventType? type = null;
        ReadOnlySpan<byte> body = default;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("a watch event must be a JSON object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("type"u8))
            {
                reader.Read();
                type = TypeOf(ref reader);
            }
            else
            {
                var isObject = reader.ValueTextEquals("object"u8);
                reader.Read();
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                if (isObject)
                {
                    body = line[start..(int)reader.BytesConsumed];
                }
            }
        }

        return type is { } known && !body.IsEmpty
            ? new WatchLine { Type = known, Object = body }
            : throw new JsonException("a watch event needs a type and an object");
    }

    private static WatchEventType TypeOf(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw new JsonException("the type of a watch event must be a string");
        }

        return reader.ValueTextEquals("ADDED"u8) ? WatchEventType.Added
            : reader.ValueTextEquals("MODIFIED"u8) ? WatchEventType.Modified
            : reader.ValueTextEquals("DELETED"u8) ? WatchEventType.Deleted
            : reader.ValueTextEquals("BOOKMARK"u8) ? WatchEventType.Bookmark
            : reader.ValueTextEquals("ERROR"u8) ? WatchEventType.Error
            : throw new JsonException($"unknown watch event '{reader.GetString()}'");
    }
}
