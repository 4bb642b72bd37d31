using System.Text.RegularExpressions;

namespace Cilium.Architecture;

/// <summary>Prose that can be checked is checked: C# snippets come from compiled files, links lead somewhere.</summary>
public sealed partial class DocsTests
{
    private static IEnumerable<string> Pages() =>
        Directory.EnumerateFiles(Repository.Root, "*.md")
            .Concat(Repository.Files("docs", ".md"))
            .Concat(Repository.Files("src", ".md"))
            .Concat(Repository.Files("bpf", ".md"))
            .Concat(Repository.Files("examples", ".md"))
            .Concat(Repository.Files("benchmarks", ".md"))
            .Concat(Repository.Files("deploy", ".md"));

    [Fact]
    public void Every_csharp_snippet_is_part_of_a_compiled_file()
    {
        var wrong = new List<string>();
        foreach (var page in Pages())
        {
            var text = File.ReadAllText(page);
            foreach (Match block in Snippet().Matches(text))
            {
                var source = block.Groups["source"].Value;
                var file = Path.Combine(Repository.Root, source);
                if (source.Length == 0)
                {
                    wrong.Add($"{Repository.Relative(page)}: a C# block without <!-- from FILE --> before it");
                }
                else if (!File.Exists(file) || !Lines(File.ReadAllText(file)).Contains(Lines(block.Groups["code"].Value), StringComparison.Ordinal))
                {
                    wrong.Add($"{Repository.Relative(page)}: the block is not found in {source}");
                }
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_relative_link_leads_to_a_file()
    {
        var wrong = new List<string>();
        foreach (var page in Pages())
        {
            foreach (Match link in Link().Matches(File.ReadAllText(page)))
            {
                var target = link.Groups["target"].Value.Split('#')[0];
                var path = Path.Combine(Path.GetDirectoryName(page)!, target);
                if (target.Length > 0 && !File.Exists(path) && !Directory.Exists(path))
                {
                    wrong.Add($"{Repository.Relative(page)}: {target}");
                }
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_room_has_a_readme_of_at_most_40_lines()
    {
        var rooms = Directory.EnumerateDirectories(Path.Combine(Repository.Root, "src")).Append(Path.Combine(Repository.Root, "bpf"));
        var wrong = rooms.Select(room => Path.Combine(room, "README.md"))
            .Where(readme => !File.Exists(readme) || File.ReadLines(readme).Count() > 40)
            .Select(Repository.Relative);
        Assert.Empty(wrong);
    }

    [Fact]
    public void The_readme_shows_the_two_commands()
    {
        var readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        Assert.Contains("./lab demo", readme, StringComparison.Ordinal);
        Assert.Contains("./test", readme, StringComparison.Ordinal);
    }

    /// <summary>Lines without indentation, so that a snippet may stand deeper in its file than on the page.</summary>
    private static string Lines(string text) => "\n" + string.Join('\n', text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)) + "\n";

    [GeneratedRegex(@"(?:<!-- from (?<source>\S+) -->\s*)?```(?:csharp|cs|c#)\r?\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Snippet();

    [GeneratedRegex(@"\]\((?<target>(?!https?://|mailto:|#)[^)\s]+)\)")]
    private static partial Regex Link();
}
