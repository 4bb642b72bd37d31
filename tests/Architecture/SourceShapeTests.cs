using System.Text.RegularExpressions;

namespace Cilium.Architecture;

/// <summary>Habits that a machine can hold: file size, names, and things that must not be written.</summary>
public sealed partial class SourceShapeTests
{
    private const int LongestFile = 400;

    /// <summary>Files that may be longer, each with its reason.</summary>
    private static readonly Dictionary<string, string> LongFiles = [];

    [Fact]
    public void No_source_file_is_longer_than_400_lines()
    {
        var long_ = Sources().Where(file => !LongFiles.ContainsKey(Repository.Relative(file)))
            .Select(file => (File: Repository.Relative(file), Lines: File.ReadLines(file).Count()))
            .Where(entry => entry.Lines > LongestFile)
            .Select(entry => $"{entry.File}: {entry.Lines}");
        Assert.Empty(long_);
    }

    [Fact]
    public void No_type_is_named_after_nothing()
    {
        var bad = Repository.Files("src", ".cs")
            .SelectMany(file => BadTypeName().Matches(File.ReadAllText(file)).Select(match => $"{Repository.Relative(file)}: {match.Value}"));
        Assert.Empty(bad);
    }

    [Fact]
    public void No_folder_is_a_drawer()
    {
        var drawers = Directory.EnumerateDirectories(Path.Combine(Repository.Root, "src"), "*", SearchOption.AllDirectories)
            .Select(Repository.Relative)
            .Where(folder => Path.GetFileName(folder) is "Models" or "Interfaces" or "Helpers" or "Common" or "Utils" or "Utilities");
        Assert.Empty(drawers);
    }

    [Fact]
    public void Nothing_unfinished_or_swallowed_is_in_the_sources()
    {
        var bad = Sources().Where(file => !Repository.Relative(file).StartsWith("tests/Architecture", StringComparison.Ordinal))
            .SelectMany(file => Unfinished().Matches(File.ReadAllText(file)).Select(match => $"{Repository.Relative(file)}: {match.Value.Trim()}"));
        Assert.Empty(bad);
    }

    [Fact]
    public void Time_comes_from_a_TimeProvider_in_the_libraries()
    {
        var bad = Repository.Files("src", ".cs").Where(file => !file.Contains("Cilium.Hosts", StringComparison.Ordinal))
            .SelectMany(file => WallClock().Matches(File.ReadAllText(file)).Select(match => $"{Repository.Relative(file)}: {match.Value}"));
        Assert.Empty(bad);
    }

    [Fact]
    public void A_packet_is_dropped_only_through_the_drop_function()
    {
        var bad = Repository.Files("bpf", ".c", ".h")
            .Where(file => Path.GetFileName(file) is not "drop.h")
            .SelectMany(file => File.ReadLines(file).Select((line, index) => (file, line, number: index + 1)))
            .Where(entry => BareDrop().IsMatch(entry.line) && !entry.line.TrimStart().StartsWith('*') && !entry.line.TrimStart().StartsWith("/*", StringComparison.Ordinal)
                && !entry.line.TrimStart().StartsWith("#define", StringComparison.Ordinal))
            .Select(entry => $"{Repository.Relative(entry.file)}:{entry.number}: {entry.line.Trim()}");
        Assert.Empty(bad);
    }

    [Fact]
    public void Every_bpf_source_carries_its_licence()
    {
        var bad = Repository.Files("bpf", ".c", ".h")
            .Where(file => !File.ReadLines(file).Take(3).Any(line => line.Contains("SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)", StringComparison.Ordinal)))
            .Select(Repository.Relative);
        Assert.Empty(bad);
    }

    private static IEnumerable<string> Sources() =>
        Repository.Files("src", ".cs").Concat(Repository.Files("tests", ".cs", ".c", ".h")).Concat(Repository.Files("bpf", ".c", ".h"));

    [GeneratedRegex(@"(?:class|record|struct|interface|enum)\s+\w*(?:Manager|Helper|Helpers|Util|Utils|Utilities|Processor|Impl)\b")]
    private static partial Regex BadTypeName();

    [GeneratedRegex(@"NotImplementedException|\bTODO\b|\bFIXME\b|\bHACK\b|catch\s*(\([^)]*\))?\s*\{\s*\}")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"DateTime(Offset)?\.(UtcNow|Now)\b")]
    private static partial Regex WallClock();

    [GeneratedRegex(@"\breturn\s+(TC_ACT_SHOT|XDP_DROP)\b")]
    private static partial Regex BareDrop();
}
