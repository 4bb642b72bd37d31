using System.Text.Json.Nodes;

namespace Cilium.Lab.Tests;

/// <summary>Random documents over few names, so that two of them often have members in common.</summary>
internal sealed class RandomJson(int seed)
{
    private static readonly string[] Names = ["a", "b", "name", "spec", "containers", "$patch", "$setElementOrder/containers", "$retainKeys", "metadata", "port", "path", "op"];
    private static readonly string[] Words = ["", "x", "/a/b", "replace", "delete", "add", "remove", "0", "-"];
    private readonly Random random = new(seed);

    public JsonNode? Node(int depth = 4) => random.Next(depth <= 0 ? 5 : 8) switch
    {
        0 => null,
        1 => random.Next(-3, 3),
        2 => random.Next(2) == 0,
        3 or 4 => Words[random.Next(Words.Length)],
        5 => List(depth),
        _ => Object(depth),
    };

    public JsonObject Object(int depth = 4)
    {
        var result = new JsonObject();
        for (var count = random.Next(5); count > 0; count--) result[Names[random.Next(Names.Length)]] = Node(depth - 1);
        return result;
    }

    public JsonArray List(int depth = 4)
    {
        var result = new JsonArray();
        for (var count = random.Next(4); count > 0; count--) result.Add(Node(depth - 1));
        return result;
    }
}
