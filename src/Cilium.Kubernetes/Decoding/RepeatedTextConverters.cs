using System.Text.Json;

namespace Cilium.Kubernetes.Decoding;

/// <summary>A text that many objects have in common.</summary>
internal sealed class RepeatedTextConverter : RowConverter<string?>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.String => RepeatedTexts.Read(ref reader),
        JsonTokenType.Null => null,
        var other => throw new MemberException("a string", other),
    };
}

/// <summary>A list of texts that many objects have in common.</summary>
internal sealed class RepeatedTextsConverter : RowListConverter<string>
{
    protected override bool TryRead(ref Utf8JsonReader reader, out string row)
    {
        row = reader.TokenType == JsonTokenType.String ? RepeatedTexts.Read(ref reader) : throw new MemberException("a string", reader.TokenType);
        return true;
    }
}
