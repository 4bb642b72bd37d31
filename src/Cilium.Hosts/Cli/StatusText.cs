using System.Globalization;
using System.Text.Json;

namespace Cilium.Hosts.Cli;

/// <summary>The state of Cilium in a cluster as <c>cilium status</c> prints it.</summary>
internal static class StatusText
{
    private const int Spacing = 4;

    private static readonly string[] Emblem = ["    /¯¯\\", " /¯¯\\__/¯¯\\", " \\__/¯¯\\__/", " /¯¯\\__/¯¯\\", " \\__/¯¯\\__/", "    \\__/"];

    /// <summary>What is wrong: component, kind of object, text.</summary>
    public static IReadOnlyList<(string Component, string Text)> Errors(ClusterState state)
    {
        var errors = new List<(string, string)>();
        foreach (var required in (string[])["cilium", "cilium-operator"])
        {
            if (state.Find(required) is null)
            {
                errors.Add((required, required == "cilium" ? "daemonsets.apps \"cilium\" not found" : $"deployments.apps \"{required}\" not found"));
            }
        }

        foreach (var workload in state.Workloads)
        {
            if (workload.Ready < workload.Desired)
            {
                errors.Add((workload.Name, string.Create(
                    CultureInfo.InvariantCulture, $"{workload.Desired - workload.Ready} pods of {workload.Kind} {workload.Name} are not ready")));
            }
            else if (workload.Available < workload.Desired)
            {
                errors.Add((workload.Name, string.Create(
                    CultureInfo.InvariantCulture, $"{workload.Desired - workload.Available} pods of {workload.Kind} {workload.Name} are not available")));
            }
        }

        return errors;
    }

    /// <summary>The whole text; with color the words OK and errors are colored.</summary>
    public static void Write(TextWriter writer, ClusterState state, bool useColor)
    {
        var errors = Errors(state);
        string Summary(string component, string whenAbsent)
        {
            var count = errors.Count(error => error.Component == component);
            return count != 0 ? Paint(useColor, "\e[31m", string.Create(CultureInfo.InvariantCulture, $"{count} errors"))
                : state.Find(component) is null ? Paint(useColor, "\e[36m", whenAbsent)
                : Paint(useColor, "\e[32m", "OK");
        }

        (string Name, string Value)[] heads =
        [
            ("Cilium:", Summary("cilium", "disabled")), ("Operator:", Summary("cilium-operator", "disabled")),
            ("Envoy DaemonSet:", Summary("cilium-envoy", "disabled (using embedded mode)")), ("Hubble Relay:", Summary("hubble-relay", "disabled")),
            ("ClusterMesh:", Summary("clustermesh-apiserver", "disabled")),
        ];
        writer.WriteLine(Emblem[0]);
        for (var i = 0; i < heads.Length; i++)
        {
            writer.WriteLine($"{Emblem[i + 1].PadRight(Emblem[1].Length + Spacing)}{heads[i].Name.PadRight("Envoy DaemonSet:".Length + Spacing)}{heads[i].Value}");
        }

        writer.WriteLine();
        WriteRows(writer, Rows(state, errors));
    }

    /// <summary>The state as JSON.</summary>
    public static string Json(ClusterState state)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteStartObject("pod_state");
            foreach (var workload in state.Workloads)
            {
                json.WriteStartObject(workload.Name);
                json.WriteString("Type", workload.Kind);
                json.WriteNumber("Desired", workload.Desired);
                json.WriteNumber("Ready", workload.Ready);
                json.WriteNumber("Available", workload.Available);
                json.WriteNumber("Unavailable", Math.Max(0, workload.Desired - workload.Available));
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteStartObject("pods_count");
            json.WriteNumber("all", state.ClusterPods);
            json.WriteNumber("by_cilium", state.ManagedPods);
            json.WriteEndObject();
            json.WriteStartArray("errors");
            foreach (var (component, text) in Errors(state))
            {
                json.WriteStringValue($"{component}: {text}");
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    private static List<string[]> Rows(ClusterState state, IReadOnlyList<(string Component, string Text)> errors)
    {
        List<string[]> rows =
        [
            .. state.Workloads.Select(workload => new[]
            {
                workload.Kind, workload.Name,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Desired: {workload.Desired}, Ready: {workload.Ready}/{workload.Desired}, Available: {workload.Available}/{workload.Desired}"),
            }),
        ];
        AddGroup(rows, "Containers:", [.. ClusterState.ComponentNames.Where(name => state.Find(name) is not null || state.Pods.ContainsKey(name))
            .Select(name => new[] { name, Phases(state.Pods.GetValueOrDefault(name)) })]);
        rows.Add(["Cluster Pods:", string.Create(CultureInfo.InvariantCulture, $"{state.ManagedPods}/{state.ClusterPods} managed by Cilium")]);
        rows.Add(["Helm chart version:", state.ChartVersion]);
        AddGroup(rows, "Image versions", [.. state.Images.OrderBy(pair => pair.Key.Component, StringComparer.Ordinal)
            .Select(pair => new[] { pair.Key.Component, string.Create(CultureInfo.InvariantCulture, $"{pair.Key.Image}: {pair.Value}") })]);
        AddGroup(rows, "Errors:", [.. errors.Select(error => new[] { error.Component, error.Component, error.Text })]);
        return rows;
    }

    private static void AddGroup(List<string[]> rows, string title, List<string[]> members)
    {
        foreach (var member in members)
        {
            rows.Add([title, .. member]);
            title = "";
        }
    }

    private static string Phases(IReadOnlyDictionary<string, int>? phases) => phases is null
        ? ""
        : string.Join(", ", phases.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key}: {pair.Value}")));

    // Columns are as wide as their widest cell that has a cell to its right, and four spaces.
    private static void WriteRows(TextWriter writer, List<string[]> rows)
    {
        int Width(int column) => rows.Where(row => row.Length > column + 1).Select(row => row[column].Length).DefaultIfEmpty().Max() + Spacing;
        var widths = Enumerable.Range(0, rows.Max(row => row.Length)).Select(Width).ToArray();
        foreach (var row in rows)
        {
            writer.WriteLine(string.Concat(row.Select((cell, column) => column < row.Length - 1 ? cell.PadRight(widths[column]) : cell)).TrimEnd());
        }
    }

    private static string Paint(bool useColor, string escape, string text) => useColor ? $"{escape}{text}\e[0m" : text;
}
