using System.Text.Json;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Reads objects member by member, straight into rows.</summary>
/// <remarks>
/// For the objects of which a cluster has thousands, services and their slices: models between the text and the rows would be four times the memory
/// of the rows. Every method expects the value under the reader or behind it, as it says, and throws <see cref="JsonException"/> for one of another type.
/// </remarks>
internal static class MemberReader
{
    /// <summary>Reads the value that the reader is at.</summary>
    public delegate T ValueReader<out T>(ref Utf8JsonReader reader);

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

    /// <summary>Goes on to the value behind the name and reads it; what is wrong with it is said to be under that name.</summary>
    public static T Value<T>(ref Utf8JsonReader reader, ValueReader<T> read)
    {
        var name = reader;
        try
        {
            reader.Read();
            return read(ref reader);
        }
        catch (MemberException exception)
        {
            exception.Under(name.GetString()!);
            throw;
        }
    }

    /// <summary>The text behind the name, one that many objects have in common; empty for null.</summary>
    public static string Text(ref Utf8JsonReader reader) => Value(ref reader, static (ref Utf8JsonReader at) => at.TokenType switch
    {
        JsonTokenType.String => RepeatedTexts.Read(ref at),
        JsonTokenType.Null => "",
        var other => throw new MemberException("a string", other),
    });

    /// <summary>The text behind the name, one of this object alone; empty for null.</summary>
    public static string OwnText(ref Utf8JsonReader reader) => Value(ref reader, static (ref Utf8JsonReader at) => at.TokenType switch
    {
        JsonTokenType.String => at.GetString()!,
        JsonTokenType.Null => "",
        var other => throw new MemberException("a string", other),
    });

    /// <summary>The truth value behind the name, or null.</summary>
    public static bool? Flag(ref Utf8JsonReader reader) => Value<bool?>(ref reader, static (ref Utf8JsonReader at) => at.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.Null => null,
        var other => throw new MemberException("true or false", other),
    });

    /// <summary>The number behind the name, or null.</summary>
    public static int? Number(ref Utf8JsonReader reader) => Value<int?>(ref reader, static (ref Utf8JsonReader at) => at.TokenType switch
    {
        JsonTokenType.Number when at.TryGetInt32(out var number) => number,
        JsonTokenType.Null => null,
        var other => throw new MemberException("a whole number", other),
    });

    private static bool Is(ref Utf8JsonReader reader, JsonTokenType wanted) => reader.TokenType == wanted
        || (reader.TokenType == JsonTokenType.Null ? false : throw new MemberException(wanted == JsonTokenType.StartArray ? "an array" : "an object", reader.TokenType));
}
