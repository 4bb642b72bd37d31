using System.Text.Json;
using System.Text.Json.Serialization;
using Cilium.Core;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Reads one member of an object into its form in a row; null is the empty form.</summary>
internal abstract class RowConverter<T> : JsonConverter<T>
{
    public override bool HandleNull => true;

    // Rows are not written.
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => throw new NotSupportedException($"{typeof(T)} is only read");
}

/// <summary>Reads an array of objects into rows.</summary>
internal abstract class RowListConverter<T> : RowConverter<EquatableArray<T>>
{
    public sealed override EquatableArray<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (!MemberReader.IsArray(ref reader))
        {
            return [];
        }

        var rows = new List<T>();
        while (MemberReader.NextElement(ref reader))
        {
            if (TryRead(ref reader, out var row))
            {
                rows.Add(row);
            }
        }

        return [.. rows];
    }

    /// <summary>Reads the element that the reader is at; false for one that is left out, since one bad entry must not hide its neighbours.</summary>
    protected abstract bool TryRead(ref Utf8JsonReader reader, out T row);
}

/// <summary>A text that many objects have in common.</summary>
internal sealed class RepeatedTextConverter : RowConverter<string?>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.String => RepeatedTexts.Read(ref reader),
        JsonTokenType.Null => null,
        var other => throw MemberReader.Wrong(other, "a string"),
    };
}

/// <summary>A list of texts that many objects have in common.</summary>
internal sealed class RepeatedTextsConverter : RowListConverter<string>
{
    protected override bool TryRead(ref Utf8JsonReader reader, out string row)
    {
        row = reader.TokenType == JsonTokenType.String ? RepeatedTexts.Read(ref reader) : throw MemberReader.Wrong(reader.TokenType, "a string");
        return true;
    }
}

/// <summary>Addresses, each once; what is no address is left out.</summary>
internal sealed class AddressesConverter : RowConverter<EquatableArray<IpAddr>>
{
    public override EquatableArray<IpAddr> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Read(ref reader);

    /// <summary>Reads the array that the reader is at.</summary>
    public static EquatableArray<IpAddr> Read(ref Utf8JsonReader reader)
    {
        const int few = 4;
        const int longest = 45;
        if (!MemberReader.IsArray(ref reader))
        {
            return [];
        }

        Span<IpAddr> addresses = stackalloc IpAddr[few];
        Span<char> text = stackalloc char[longest];
        var count = 0;
        while (MemberReader.NextElement(ref reader))
        {
            if (reader.TokenType == JsonTokenType.Null)
            {
                continue;
            }

            if (reader.TokenType != JsonTokenType.String)
            {
                throw MemberReader.Wrong(reader.TokenType, "an address");
            }

            if (reader.ValueSpan.Length > longest || !IpAddr.TryParse(text[..reader.CopyString(text)], out var address) || addresses[..count].Contains(address))
            {
                continue;
            }

            if (count == addresses.Length)
            {
                var more = new IpAddr[2 * count];
                addresses.CopyTo(more);
                addresses = more;
            }

            addresses[count++] = address;
        }

        return EquatableArray.Create<IpAddr>(addresses[..count]);
    }
}
