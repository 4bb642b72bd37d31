using Cilium.Simulation.Explaining;

namespace Cilium.Hosts.Cli.Policies;

/// <summary>Prints answers, for people or for programs.</summary>
internal sealed class ExplainOutput(TextWriter output, TextWriter error, bool isJson)
{
    private const int Differences = 1;
    private const int BadInput = 2;

    public void Walk(Walk walk, ExplainIssues issues)
    {
        if (isJson)
        {
            output.WriteLine(new ExplainAnswer([walk], issues.NotEnforced, issues.Warnings, null).ToJson());
            return;
        }

        Tell(issues);
        WalkText.Write(output, walk);
    }

    public void Matrix(IEnumerable<Walk> walks, ExplainIssues issues)
    {
        var all = walks.ToList();
        if (isJson)
        {
            output.WriteLine(new ExplainAnswer(all, issues.NotEnforced, issues.Warnings, null).ToJson());
            return;
        }

        Tell(issues);
        var rows = all.ConvertAll(walk => (walk.From, walk.To, Port: PortOf(walk), Verdict: WalkText.Verdict(walk)));
        var (from, to, port) = (Width("FROM", row => row.From), Width("TO", row => row.To), Width("PORT", row => row.Port));
        output.WriteLine($"{"FROM".PadRight(from)}{"TO".PadRight(to)}{"PORT".PadRight(port)}VERDICT");
        foreach (var row in rows)
        {
            output.WriteLine($"{row.From.PadRight(from)}{row.To.PadRight(to)}{row.Port.PadRight(port)}{row.Verdict}");
        }

        int Width(string title, Func<(string From, string To, string Port, string Verdict), string> column) =>
            rows.Select(row => column(row).Length).Append(title.Length).Max() + 3;
    }

    /// <summary>Compares with what was expected. A policy that cannot be enforced makes the check worth nothing.</summary>
    public int Check(PathExplainer explainer, IReadOnlyList<Expectation> expected, ExplainIssues issues)
    {
        var walks = new List<Walk>();
        var unexpected = new List<string>();
        foreach (var expectation in expected)
        {
            var walk = explainer.Explain(expectation.Question);
            walks.Add(walk);
            if (!expectation.IsMet(walk))
            {
                unexpected.Add($"{expectation.Question}: expected {(expectation.IsAllowed ? "allowed" : "denied")}, but {WalkText.Verdict(walk)}");
            }
        }

        if (isJson)
        {
            output.WriteLine(new ExplainAnswer(walks, issues.NotEnforced, issues.Warnings, unexpected).ToJson());
        }
        else
        {
            Tell(issues);
            foreach (var line in unexpected)
            {
                output.WriteLine(line);
            }

            output.WriteLine($"{walks.Count - unexpected.Count} of {walks.Count} as expected");
        }

        return issues.NotEnforced.Count > 0 ? BadInput : unexpected.Count > 0 ? Differences : 0;
    }

    private static string PortOf(Walk walk) => walk.Port == 0 ? walk.Protocol : $"{walk.Protocol}/{walk.Port}";

    private void Tell(ExplainIssues issues)
    {
        foreach (var line in issues.NotEnforced)
        {
            error.WriteLine($"Not enforced: {line}");
        }

        foreach (var line in issues.Warnings)
        {
            error.WriteLine($"Warning: {line}");
        }
    }
}
