using System.Text.Json.Nodes;
using Cilium.Core;
using Cilium.Simulation.Manifests;

namespace Cilium.Simulation.Explaining;

/// <summary>What somebody expects of a question.</summary>
/// <param name="Question">The question.</param>
/// <param name="IsAllowed">Whether the packet should arrive.</param>
public sealed record Expectation(Question Question, bool IsAllowed)
{
    /// <summary>Whether a walk is as expected.</summary>
    public bool IsMet(Walk walk)
    {
        ArgumentNullException.ThrowIfNull(walk);
        return walk.Outcome == Outcome.Delivered == IsAllowed;
    }

    /// <summary>Reads a list of <c>from</c>, <c>to</c>, <c>port</c>, <c>proto</c> and <c>verdict</c> (<c>allowed</c> or <c>denied</c>).</summary>
    /// <exception cref="ManifestException">It is no such list.</exception>
    public static IReadOnlyList<Expectation> Read(string file, string text)
    {
        var expectations = new List<Expectation>();
        foreach (var (number, root) in YamlDocuments.Read(file, text))
        {
            if (root is not JsonArray list)
                throw new ManifestException(file, number, "", "the document is no list");
            for (var i = 0; i < list.Count; i++)
                expectations.Add(One(file, number, i, list[i] as JsonObject ?? throw new ManifestException(file, number, $"[{i}]", "is no object")));
        }
        return expectations;
    }

    private static Expectation One(string file, int document, int index, JsonObject item)
    {
        foreach (var name in item.Select(member => member.Key).Where(name => name is not ("from" or "to" or "port" or "proto" or "verdict")))
            throw Broken(name, "is not known");
        var protocol = ProtocolNames.TryParse(item["proto"] is null ? "tcp" : TextOf("proto"), out var parsed) ? parsed : throw Broken("proto", "must be tcp, udp, sctp or icmp");
        var port = protocol == L4Protocol.Icmp ? 0
            : item["port"] is JsonValue value && value.TryGetValue<long>(out var given) && given is > 0 and <= ushort.MaxValue ? given
            : throw Broken("port", "must be a number from 1 to 65535");
        var isAllowed = TextOf("verdict") switch
        {
            "allowed" => true,
            "denied" => false,
            _ => throw Broken("verdict", "must be allowed or denied"),
        };
        try
        {
            return new Expectation(new Question(Question.NameOf(TextOf("from")), TextOf("to"), (ushort)port, protocol), isAllowed);
        }
        catch (QuestionException wrong)
        {
            throw Broken("from", wrong.Message);
        }

        string TextOf(string name) => item[name] is JsonValue text && text.TryGetValue<string>(out var found) ? found : throw Broken(name, "must be a text");

        ManifestException Broken(string name, string reason) => new(file, document, $"[{index}].{name}", reason);
    }
}
