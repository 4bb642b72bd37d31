using System.Globalization;
using System.Text;

namespace Cilium.Simulation.Scale;

/// <summary>A report for people.</summary>
public static class ScaleText
{
    /// <summary>Writes the report as text of many lines.</summary>
    public static string Of(ScaleReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var text = new StringBuilder();
        var options = report.Options;
        text.Append(Line($"{options.Nodes} nodes, {options.Pods} pods, {options.Services} services, {options.Policies} policies, seed {options.Seed}"));
        text.Append(Line($""));
        text.Append(Line($"{"Until nothing is left to do",-40} {"wall s",10} {"virtual s",10} {"rows amiss",12} {"writes",9} {"events",9}"));
        foreach (var step in report.Steps)
            text.Append(Line($"  {step.Name,-38} {step.WallSeconds,10:F2} {step.VirtualSeconds,10:F2} {step.MissingRows,12} {step.Writes,9} {step.Events,9}"));
        text.Append(Line($""));
        text.Append(Line($"{"Maps of a node",-24} {"entries min",12} {"median",9} {"max",9} {"bytes min",12} {"median",12} {"max",12}"));
        foreach (var map in report.Maps)
            text.Append(Line($"  {map.Name,-22} {map.Entries.Minimum,12} {map.Entries.Median,9} {map.Entries.Maximum,9} {map.Bytes.Minimum,12} {map.Bytes.Median,12} {map.Bytes.Maximum,12}"));
        text.Append(Line($""));
        var memory = report.Memory;
        text.Append(Line($"Memory: {Mega(memory.ManagedPerNode)} managed and {Mega(memory.GrownMapsPerNode)} of maps per node; the process has {Mega(memory.Process)}, at most {Mega(memory.ProcessPeak)}"));
        text.Append(Line($""));
        var flows = report.Flows;
        text.Append(Line($"Connections: {flows.Tried} tried in {flows.WallSeconds:F2} s: {flows.Established} established, {flows.Denied} denied, {flows.Refused} refused"));
        foreach (var (kind, count) in flows.Kinds)
            text.Append(Line($"  {count,6} {kind}"));
        foreach (var difference in flows.Differences)
            text.Append(Line($"  DIFFERENCE {difference}"));
        if (report.Api is { } api)
            AppendApi(text, api);
        text.Append(Line($"End state {report.EndState}"));
        text.Append(Line($"{(report.IsAsExpected ? "All as the reference says." : "NOT as the reference says.")}"));
        return text.ToString();
    }

    private static void AppendApi(StringBuilder text, ScaleApi api)
    {
        text.Append(Line($""));
        text.Append(Line($"{"Writes to the API server",-52} {"all",10} {"of a node: min",16} {"median",9} {"max",9}"));
        foreach (var row in api.Requests.Where(row => row.IsWrite))
        {
            text.Append(row.PerNode is { } perNode
                ? Line($"  {$"{row.By}: {row.Verb} {row.Resource}",-50} {row.Count,10} {perNode.Minimum,16} {perNode.Median,9} {perNode.Maximum,9}")
                : Line($"  {$"{row.By}: {row.Verb} {row.Resource}",-50} {row.Count,10}"));
        }
        foreach (var role in api.Requests.Where(row => !row.IsWrite).GroupBy(row => row.By))
            text.Append(Line($"  {$"{role.Key}: reads",-50} {role.Sum(row => row.Count),10}"));
        text.Append(Line($""));
        text.Append(Line($"{"Events of watches",-52} {"all",10}"));
        foreach (var row in api.Events)
            text.Append(Line($"  {$"{row.To}: {row.Resource}",-50} {row.Count,10}"));
        text.Append(Line($"Writes refused: {api.Refused}, of which to fail: {api.FailedWrites}; watches broken off: {api.BrokenWatches}; operators dead: {api.DeadOperators}"));
        foreach (var wrong in api.Wrong)
            text.Append(Line($"  WRONG {wrong}"));
    }

    private static string Line(FormattableString line) => line.ToString(CultureInfo.InvariantCulture).TrimEnd() + "\n";

    private static string Mega(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024):F2} MiB");
}
