using System.CommandLine;
using Cilium.Simulation.Scale;

namespace Cilium.Hosts.Lab;

/// <summary><c>cilium-lab simulate</c>: a cluster in one process and virtual time.</summary>
internal static class SimulateCommand
{
    private const int NotAsExpected = 1;
    private const int BadInput = 2;
    private static readonly ScaleOptions s_defaults = new();
    private static readonly Option<int> Nodes = Number("--nodes", "How many nodes", s_defaults.Nodes);
    private static readonly Option<int> Pods = Number("--pods", "How many pods, spread over the nodes", s_defaults.Pods);
    private static readonly Option<int> Services = Number("--services", "How many services", s_defaults.Services);
    private static readonly Option<int> Policies = Number("--policies", "How many policies", s_defaults.Policies);
    private static readonly Option<int> Flows = Number("--flows", "How many connections are tried and compared with a reference", s_defaults.Flows);
    private static readonly Option<int> Seed = Number("--seed", "The seed of everything that is by chance", s_defaults.Seed);
    private static readonly Option<bool> IPv6 = new("--ipv6") { Description = "IPv6 beside IPv4" };
    private static readonly Option<bool> ApiServer = new("--api-server") { Description = "An API server, to which operators and agents write", DefaultValueFactory = _ => true };
    private static readonly Option<bool> Faults = new("--faults") { Description = "The API server fails by the seed, and the leading operator dies" };
    private static readonly Option<string> Output = new("--output", "-o") { Description = "text or json", DefaultValueFactory = _ => "text" };

    public static Command Create()
    {
        Output.AcceptOnlyFromAmong("text", "json");
        var command = new Command("simulate", "Simulate a cluster in this process: control plane and packet logic are real, network and time are not. Needs no privilege.")
        {
            Nodes, Pods, Services, Policies, Flows, Seed, IPv6, ApiServer, Faults, Output,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static Option<int> Number(string name, string description, int byDefault) => new(name) { Description = description, DefaultValueFactory = _ => byDefault };

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        var options = new ScaleOptions
        {
            Nodes = arguments.GetValue(Nodes),
            Pods = arguments.GetValue(Pods),
            Services = arguments.GetValue(Services),
            Policies = arguments.GetValue(Policies),
            Flows = arguments.GetValue(Flows),
            Seed = arguments.GetValue(Seed),
            HasIPv6 = arguments.GetValue(IPv6),
            ApiServer = arguments.GetValue(ApiServer) ? SimulatedApi.Create : null,
            HasFaults = arguments.GetValue(Faults),
        };
        // Tables of a thousand agents grow and stay: collecting them beside the work would only take a core from it.
        System.Runtime.GCSettings.LatencyMode = System.Runtime.GCLatencyMode.Batch;
        var (output, error) = (arguments.InvocationConfiguration.Output, arguments.InvocationConfiguration.Error);
        try
        {
            var report = await ScaleRun.RunAsync(options, TimeProvider.System, error.WriteLine, cancel);
            await output.WriteLineAsync(arguments.GetValue(Output) == "json" ? report.ToJson() : ScaleText.Of(report));
            return report.IsAsExpected ? 0 : NotAsExpected;
        }
        catch (ArgumentException wrong)
        {
            await error.WriteLineAsync($"Error: {wrong.Message}");
            return BadInput;
        }
    }
}
