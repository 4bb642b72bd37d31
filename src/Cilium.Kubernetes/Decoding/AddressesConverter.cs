using System.Text.Json;
using Cilium.Core;

namespace Cilium.Kubernetes.Decoding;

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
                throw new MemberException("an address", reader.TokenType);
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
