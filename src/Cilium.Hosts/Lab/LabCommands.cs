using System.CommandLine;
using Cilium.Bpf;
using Cilium.Lab;
using Cilium.Lab.Running;
using Microsoft.Extensions.Logging;

namespace Cilium.Hosts.Lab;

/// <summary>The command line of the lab.</summary>
internal static class LabCommands
{
    private static readonly Option<string> Name = new("--name") { Description = "The lab's name", DefaultValueFactory = _ => "default" };
    private static readonly Option<int> Nodes = new("--nodes") { Description = "How many nodes", DefaultValueFactory = _ => 3 };
    private static readonly Option<string[]> Values = new("--values", "-f") { Description = "A file with Helm values; may be repeated" };
    private static readonly Option<string[]> Set = new("--set") { Description = "One Helm value as key=value; may be repeated" };
    private static readonly Option<string> Root = new("--root") { Description = "Where labs keep their state", DefaultValueFactory = _ => ".lab" };
    private static readonly Option<string> Binaries = new("--binaries") { Description = "The folder with the shipped executables", DefaultValueFactory = _ => "artifacts/bin" };
    private static readonly Option<bool> Bare = new("--bare") { Description = "Without Cilium: nodes stay NotReady" };
    private static readonly Option<bool> Keep = new("--keep") { Description = "Leave the lab up" };

    public static RootCommand Build()
    {
        var up = new Command("up", "Bring a lab up") { Name, Nodes, Values, Set, Root, Binaries, Bare };
        up.SetAction(UpAsync);
        var status = new Command("status", "Tell how a lab is") { Name, Root, Binaries };
        status.SetAction(StatusAsync);
        var down = new Command("down", "Take a lab down, also after a crash") { Name, Root, Binaries };
        down.SetAction(DownAsync);
        var demo = new Command("demo", "Show pods, services, policy and flows on three nodes") { Name, Values, Set, Root, Binaries, Keep };
        demo.SetAction(DemoAsync);
        var process = new Command("process", "Be a lab") { Name, Nodes, Values, Set, Root, Binaries, Bare };
        process.Hidden = true;
        process.SetAction(ProcessAsync);
        return new RootCommand("A cluster on one machine") { up, status, down, demo, SimulateCommand.Create(), process };
    }

    private static LabOptions OptionsOf(ParseResult arguments) => new()
    {
        Name = arguments.GetValue(Name)!,
        Nodes = arguments.GetValue(Nodes) is var nodes and > 0 ? nodes : 3,
        ValueFiles = arguments.GetValue(Values) ?? [],
        Settings = arguments.GetValue(Set) ?? [],
        Root = arguments.GetValue(Root)!,
        Binaries = arguments.GetValue(Binaries)!,
        InstallsCilium = !arguments.GetValue(Bare),
    };

    private static async Task<int> UpAsync(ParseResult arguments, CancellationToken cancel)
    {
        try
        {
            var lab = new LabCluster(OptionsOf(arguments), TimeProvider.System);
            await lab.UpAsync(Environment.ProcessPath!, cancel);
            Console.WriteLine(lab.KubeconfigFile);
            return 0;
        }
        catch (Exception failure) when (failure is InvalidOperationException or ArgumentException or IOException)
        {
            await Console.Error.WriteLineAsync($"error: {failure.Message}");
            return 1;
        }
    }

    private static async Task<int> StatusAsync(ParseResult arguments, CancellationToken cancel)
    {
        var options = OptionsOf(arguments);
        var lab = new LabCluster(options, TimeProvider.System);
        if (lab.Describe() is not { } description)
        {
            Console.WriteLine($"lab '{options.Name}': down");
            return 1;
        }

        Console.WriteLine($"lab '{options.Name}': {description}");
        if (!File.Exists(lab.KubeconfigFile)) return 1;
        Console.WriteLine($"kubeconfig: {lab.KubeconfigFile}");
        var (code, output, error) = await lab.KubectlAsync(["get", "nodes,pods", "--all-namespaces", "--output", "wide"], cancel);
        Console.Write(output);
        await Console.Error.WriteAsync(error);
        return code;
    }

    private static async Task<int> DownAsync(ParseResult arguments, CancellationToken cancel)
    {
        await new LabCluster(OptionsOf(arguments), TimeProvider.System).DownAsync(cancel);
        return 0;
    }

    private static Task<int> DemoAsync(ParseResult arguments, CancellationToken cancel) =>
        DemoReport.RunAsync(OptionsOf(arguments), arguments.GetValue(Keep), cancel);

    private static async Task<int> ProcessAsync(ParseResult arguments, CancellationToken cancel)
    {
        using var logs = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Information).AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-dd HH:mm:ss.fff ";
        }));
        // Objects of the API come and go with every change: in small pages each megabyte of them is 256 faults.
        HeapPages.Enlarge();
        return await new LabProcess(OptionsOf(arguments), TimeProvider.System, logs).RunAsync(cancel);
    }
}
