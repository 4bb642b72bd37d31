using Cilium.Lab;
using Cilium.Lab.Demonstration;
using Spectre.Console;

namespace Cilium.Hosts.Lab;

/// <summary>Runs the demonstration and prints what it finds.</summary>
internal static class DemoReport
{
    public static async Task<int> RunAsync(LabOptions options, bool keep, CancellationToken cancel)
    {
        var lab = new LabCluster(options, TimeProvider.System);
        if (lab.IsUp)
        {
            // It is somebody's, and would be taken down at the end.
            await Console.Error.WriteLineAsync(
                $"error: lab '{options.Name}' is up already: './lab down --name {options.Name}' takes it down, or give the demonstration another --name");
            return 1;
        }

        var console = AnsiConsole.Console;
        if (Console.IsOutputRedirected) console.Profile.Width = 160;
        try
        {
            var checks = await RunChecksAsync(lab, options, console, cancel);
            var table = new Table().AddColumns("check", "result", "detail");
            foreach (var check in checks) table.AddRow(Markup.Escape(check.Name), check.Passed ? "[green]passed[/]" : "[red]FAILED[/]", Markup.Escape(check.Detail));
            console.Write(table);
            return checks.Count > 0 && checks.All(check => check.Passed) ? 0 : 1;
        }
        finally
        {
            if (keep) console.WriteLine($"left up; './lab down --name {options.Name}' takes it down");
            else await lab.DownAsync(CancellationToken.None);
        }
    }

    private static async Task<List<DemoCheck>> RunChecksAsync(LabCluster lab, LabOptions options, IAnsiConsole console, CancellationToken cancel)
    {
        var checks = new List<DemoCheck>();
        try
        {
            console.MarkupLine("[bold]Bringing up three nodes…[/]");
            await lab.UpAsync(Environment.ProcessPath!, cancel);
            Console.WriteLine($"kubeconfig: {lab.KubeconfigFile}");
            await foreach (var check in new Demonstration(lab, options.Binaries, TimeProvider.System).RunAsync(Console.WriteLine, cancel)) checks.Add(check);
        }
        catch (InvalidOperationException failure)
        {
            checks.Add(new DemoCheck("the demonstration ran to its end", false, failure.Message));
        }

        return checks;
    }
}
