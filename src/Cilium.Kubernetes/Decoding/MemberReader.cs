using System.Text.Json;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Reads objects member by member, straight into rows.</summary>
/// <remarks>
/// For the objects of which a cluster has thousands, services and their slices: models between the text and the rows would be four times the memory
/// of the rows. Every method expects the value under the reader or behind it, as it says, and throws <see cref="JsonException"/> for one of another type.
/// </remarks>
internal static class MemberReader
{
    /// <summary>Whether the reader is at an object; false for null.</summary>
    public static bool IsObject(ref Utf8JsonReader reader) => Is(ref reader, JsonTokenType.StartObject);

    /// <summary>Whether the reader is at an array; false for null.</summary>
    public static bool IsArray(ref Utf8JsonReader reader) => Is(ref reader, JsonTokenType.StartArray);

    /// <summary>Goes on to the next name; false at the end of the object.</summary>
    public static bool Next(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    /// <summary>Goes on to the next element; false at the end of the array.</summary>
    public static bool NextElement(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType != JsonTokenType.EndArray;

    /// <summary>Passes over the value behind the name.</summary>
    public static void Skip(ref Utf8JsonReader reader)
    {
        reader.Read();
        reader.Skip();
    }

    /// <summary>The text behind the name, one that many objects have in common; empty for null.</summary>
    public static string Text(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType switch
        {
            JsonTokenType.String => RepeatedTexts.Read(ref reader),
            JsonTokenType.Null => "",
            var other => throw Wrong(other, "a string"),
        };
    }

    /// <summary>The text behind the name, one of this object alone; empty for null.</summary>
    public static string OwnText(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType switch
        {
            JsonTokenType.String => reader.GetString()!,
            JsonTokenType.Null => "",
            var other => throw Wrong(other, "a string"),
        };
    }

    /// <summary>The truth value behind the name, or null.</summary>
    public static bool? Flag(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            JsonTokenType.Null => null,
            var other => throw Wrong(other, "true or false"),
        };
    }

    /// <summary>The number behind the name, or null.</summary>
    public static int? Number(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType switch
        {
            JsonTokenType.Number when reader.TryGetInt32(out var number) => number,
            JsonTokenType.Null => null,
            var other => throw Wrong(other, "a whole number"),
        };
    }

    /// <summary>What is wrong with a value.</summary>
    public static JsonException Wrong(JsonTokenType found, string wanted) => new($"{wanted} is wanted, not a {found}");

    private static bool Is(ref Utf8JsonReader reader, JsonTokenType wanted) =>
        reader.TokenType == wanted || (reader.TokenType == JsonTokenType.Null ? false : throw Wrong(reader.TokenType, wanted == JsonTokenType.StartArray ? "an array" : "an object"));
}
