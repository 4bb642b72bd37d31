using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg metrics list [-p pattern]</c>.</summary>
internal static class MetricsCommand
{
    public static Command Create(AgentOptions agent)
    {
        var pattern = new Option<string?>("--match-pattern", "-p") { Description = "Show only metrics whose names match." };
        var list = new Command("list", "List all metrics for the agent") { pattern };
        list.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var regex = Pattern(arguments.GetValue(pattern) ?? "");
            var metrics = await agent.Client(arguments).GetMetricsAsync(cancellationToken);
            string[] head = ["Metric", "Labels", "Value"];
            TextTable.Write(
                arguments.InvocationConfiguration.Output,
                [
                    head,
                    .. metrics.Where(metric => regex.IsMatch(metric.Name ?? "")).Select(metric => new[]
                    {
                        metric.Name ?? "",
                        string.Join(' ', (metric.Labels ?? new Dictionary<string, string>()).Select(label => $"{label.Key}=\"{label.Value}\"")),
                        metric.Value.ToString("F6", CultureInfo.InvariantCulture),
                    }),
                ],
                spacing: 3);
        }));
        return new Command("metrics", "Access metric status") { list };
    }

    private static Regex Pattern(string text)
    {
        try
        {
            return new Regex(text, RegexOptions.NonBacktracking);
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            throw new FormatException($"--match-pattern: {exception.Message}", exception);
        }
    }
}
