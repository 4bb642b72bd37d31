using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Cilium.Hubble.Printing;

/// <summary>Messages as JSON with the protocol's own field names and enum names, as upstream's tools read and write them.</summary>
public static class ProtoJson
{
    private static readonly TypeRegistry Registry = TypeRegistry.FromFiles(Proto.ObserverReflection.Descriptor, Proto.FlowReflection.Descriptor);
    private static readonly JsonFormatter Formatter =
        new(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true).WithTypeRegistry(Registry));

    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithTypeRegistry(Registry).WithIgnoreUnknownFields(true));

    private static readonly JsonParser ExactParser = new(JsonParser.Settings.Default.WithTypeRegistry(Registry));

    /// <summary>One message on one line, without spaces between its tokens.</summary>
    public static string Format(IMessage message)
    {
        var spaced = Formatter.Format(message);
        var text = new StringBuilder(spaced.Length);
        var isInString = false;
        for (var i = 0; i < spaced.Length; i++)
        {
            var c = spaced[i];
            if (c == '"')
            {
                isInString = !isInString;
            }
            else if (c == '\\' && isInString)
            {
                text.Append(c);
                c = spaced[++i];
            }

            if (c != ' ' || isInString)
            {
                text.Append(c);
            }
        }

        return text.ToString();
    }

    /// <summary>Reads a message that somebody typed: a field that it does not have is a mistake.</summary>
    /// <exception cref="InvalidProtocolBufferException">The text is no such message.</exception>
    public static T ParseExact<T>(string json)
        where T : IMessage, new() => ExactParser.Parse<T>(json);

    /// <summary>Reads a message, of this or another version.</summary>
    /// <exception cref="InvalidProtocolBufferException">The text is no such message.</exception>
    public static T Parse<T>(string json)
        where T : IMessage, new() => Parser.Parse<T>(json);
}
