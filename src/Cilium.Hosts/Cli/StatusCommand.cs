using System.CommandLine;
using Cilium.Kubernetes;

namespace Cilium.Hosts.Cli;

/// <summary><c>cilium status [--wait]</c>.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    public static Command Create(ClusterOptions cluster)
    {
        var wait = new Option<bool>("--wait") { Description = "Wait for status to report success (no errors and warnings)." };
        var duration = new Option<string>("--wait-duration") { Description = "Maximum time to wait for status (default 5m).", DefaultValueFactory = _ => "5m" };
        var brief = new Option<bool>("--brief") { Description = "Print only a one-line status message." };
        var output = new Option<string>("--output", "-o") { Description = "summary or json.", DefaultValueFactory = _ => "summary" };
        output.AcceptOnlyFromAmong("summary", "json");
        var ignoreWarnings = new Option<bool>("--ignore-warnings") { Description = "Ignore warnings when waiting for status to report success; there are none." };
        var interactive = new Option<bool>("--interactive") { Description = "Refresh the summary while waiting; it is printed once, at the end." };
        var verbose = new Option<bool>("--verbose") { Description = "Print more; there is no more." };
        var command = new Command("status", "Display status") { wait, duration, brief, output, ignoreWarnings, interactive, verbose };
        command.SetAction((arguments, cancellationToken) => ClusterOptions.Run(arguments, async () =>
        {
            using var connection = cluster.Open(arguments);
            var time = TimeProvider.System;
            var deadline = time.GetUtcNow() + (arguments.GetValue(wait) ? WaitDuration.Parse(arguments.GetValue(duration)!) : TimeSpan.Zero);
            var state = await ReadAsync(connection, cluster.Namespace(arguments), deadline, time, cancellationToken);
            var writer = arguments.InvocationConfiguration.Output;
            var errors = StatusText.Errors(state);
            if (arguments.GetValue(output) == "json")
            {
                writer.WriteLine(StatusText.Json(state));
            }
            else if (arguments.GetValue(brief))
            {
                writer.WriteLine(errors.Count == 0 ? "OK" : $"error: {string.Join("; ", errors.Select(error => error.Text))}");
            }
            else
            {
                StatusText.Write(writer, state, !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null or "");
            }

            return errors.Count == 0 ? 0 : 1;
        }));
        return command;
    }

    private static async Task<ClusterState> ReadAsync(
        ClusterConnection connection, string inNamespace, DateTimeOffset deadline, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (true)
        {
            try
            {
                var state = await ClusterState.ReadAsync(connection, inNamespace, cancellationToken);
                if (StatusText.Errors(state).Count == 0 || time.GetUtcNow() >= deadline)
                {
                    return state;
                }
            }
            catch (Exception error) when (error is HttpRequestException or TimeoutException or KubernetesException && time.GetUtcNow() < deadline)
            {
                // Waiting also means waiting for an API server that is just coming up.
                await timer.WaitForNextTickAsync(cancellationToken);
                continue;
            }

            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }
}
