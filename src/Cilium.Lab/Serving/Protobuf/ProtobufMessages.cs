using System.Globalization;

namespace Cilium.Lab.Serving.Protobuf;

/// <summary>One field of a message: <c>s</c> text, <c>i</c> integer, <c>b</c> flag, <c>y</c> bytes, else the name of a message.</summary>
internal sealed record ProtobufField(string Name, string Type, bool IsList, bool IsMap);

internal sealed record ProtobufMessage(IReadOnlyDictionary<int, ProtobufField> Fields);

/// <summary>The messages of built-in kinds, from the table embedded in this assembly.</summary>
internal sealed class ProtobufMessages
{
    private readonly Dictionary<(string ApiVersion, string Kind), string> kinds = [];
    private readonly Dictionary<string, ProtobufMessage> messages = [];

    private ProtobufMessages(TextReader table)
    {
        while (table.ReadLine() is { Length: > 0 } line)
        {
            var words = line.Split(' ');
            kinds[(words[0], words[1])] = words[2];
        }

        while (table.ReadLine() is { } line)
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 0) messages[words[0]] = new ProtobufMessage(words.Skip(1).Select(Field).ToDictionary(field => field.Number, field => field.Field));
        }
    }

    public static ProtobufMessages Shared { get; } = Load();

    public ProtobufMessage? FindKind(string apiVersion, string kind) =>
        kinds.TryGetValue((apiVersion, kind), out var name) ? Find(name) : null;

    public ProtobufMessage? Find(string name) => messages.GetValueOrDefault(name);

    private static (int Number, ProtobufField Field) Field(string text)
    {
        var parts = text.Split(':');
        var number = int.Parse(parts[1], CultureInfo.InvariantCulture);
        if (parts[2] == "map") return (number, new ProtobufField(parts[0], parts[3], IsList: false, IsMap: true));
        return (number, new ProtobufField(parts[0], parts[2].TrimStart('*'), IsList: parts[2][0] == '*', IsMap: false));
    }

    private static ProtobufMessages Load()
    {
        using var stream = typeof(ProtobufMessages).Assembly.GetManifestResourceStream("Cilium.Lab.Serving.Protobuf.messages.txt")!;
        using var reader = new StreamReader(stream);
        return new ProtobufMessages(reader);
    }
}
