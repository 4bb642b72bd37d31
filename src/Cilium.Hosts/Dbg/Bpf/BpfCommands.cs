using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.Kernel;
using Cilium.Hosts.Dbg.Output;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Bpf;

/// <summary><c>cilium-dbg bpf ...</c>: what the pinned maps and links hold, with or without an agent.</summary>
internal static class BpfCommands
{
    public static Command Create(AgentOptions agent) => new("bpf", "Direct access to local BPF maps")
    {
        Group("endpoint", "Local endpoint map", Table(agent, "list", "List local endpoint entries", maps => EndpointTables.Local(maps))),
        Group("ipcache", "Manage the IPCache mappings", Table(agent, "list", "List endpoint IPs and their identity", maps => EndpointTables.IpCache(maps))),
        Group("tunnel", "Tunnel endpoint map", Table(agent, "list", "List tunnel endpoint entries", maps => EndpointTables.Tunnels(maps))),
        Group("metrics", "BPF datapath traffic metrics", Table(agent, "list", "List BPF datapath traffic metrics", maps => MetricsTable.Rows(maps))),
        Group("nat", "NAT mapping tables", Lines(agent, "list", "List all NAT mapping entries", maps => ConnectionLines.Translations(maps))),
        Group("ct", "Connection tracking tables", ConntrackList(agent)),
        Group("policy", "Manage policy related BPF maps", PolicyTables.Get(agent), PolicyTables.List(agent)),
        Group("lb", "Load-balancing configuration", ServiceTables.List(agent)),
        Group("programs", "Attached programs", Programs(agent)),
    };

    /// <summary>Runs a body on the node's pinned maps.</summary>
    public static Task<int> WithMaps(
        AgentOptions agent, ParseResult arguments, Action<DatapathInspection> body, CancellationToken cancellationToken) =>
        AgentOptions.Run(arguments, async () =>
        {
            using var maps = await OpenMapsAsync(agent, arguments, cancellationToken);
            body(new DatapathInspection(maps));
        });

    /// <summary>The node's pinned maps, which the caller disposes.</summary>
    public static async Task<DatapathMaps> OpenMapsAsync(AgentOptions agent, ParseResult arguments, CancellationToken cancellationToken) =>
        DatapathMaps.OpenPinned(await agent.BpfRootAsync(arguments, cancellationToken));

    /// <summary>Prints a table, or its rows as JSON objects with the headings as names.</summary>
    public static void Print(ParseResult arguments, Option<string?> output, IReadOnlyList<string[]> rows)
    {
        var objects = rows.Skip(1).Select(row => rows[0].Zip(row).ToDictionary(pair => pair.First, pair => pair.Second)).ToList();
        if (!OutputFormat.TryWrite(arguments, output, objects, BpfJson.Default.ListDictionaryStringString))
        {
            TextTable.Write(arguments.InvocationConfiguration.Output, rows, spacing: 3);
        }
    }

    private static Command Group(string name, string description, params Command[] commands)
    {
        var group = new Command(name, description);
        foreach (var command in commands)
        {
            group.Subcommands.Add(command);
        }

        return group;
    }

    private static Command Table(AgentOptions agent, string name, string description, Func<DatapathInspection, IReadOnlyList<string[]>> rows)
    {
        var output = OutputFormat.Option();
        var command = new Command(name, description) { output };
        command.Aliases.Add("ls");
        command.SetAction((arguments, cancellationToken) =>
            WithMaps(agent, arguments, maps => Print(arguments, output, rows(maps)), cancellationToken));
        return command;
    }

    private static Command Lines(AgentOptions agent, string name, string description, Func<DatapathInspection, IEnumerable<string>> lines)
    {
        var output = OutputFormat.Option();
        var command = new Command(name, description) { output };
        command.Aliases.Add("ls");
        command.SetAction((arguments, cancellationToken) =>
            WithMaps(agent, arguments, maps => PrintLines(arguments, output, lines(maps)), cancellationToken));
        return command;
    }

    private static Command ConntrackList(AgentOptions agent)
    {
        var scope = new Argument<string>("scope") { Description = "'global', or the number of an endpoint.", Arity = ArgumentArity.ZeroOrOne };
        var output = OutputFormat.Option();
        var command = new Command("list", "List connection tracking entries") { scope, output };
        command.Aliases.Add("ls");
        command.SetAction((arguments, cancellationToken) => WithMaps(agent, arguments, maps =>
        {
            var wanted = arguments.GetValue(scope);
            ushort? endpoint = wanted is null or "global" ? null
                : ushort.TryParse(wanted, out var number) ? number
                : throw new FormatException($"'{wanted}' is neither global nor the number of an endpoint");
            PrintLines(arguments, output, ConnectionLines.Connections(maps, endpoint));
        }, cancellationToken));
        return command;
    }

    private static Command Programs(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var command = new Command("list", "List attached programs with device, hook, program and link") { output };
        command.Aliases.Add("ls");
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var attached = AttachedProgram.List(await agent.BpfRootAsync(arguments, cancellationToken));
            Print(arguments, output, EndpointTables.Programs(attached, new InterfaceNames().Of));
        }));
        return command;
    }

    private static void PrintLines(ParseResult arguments, Option<string?> output, IEnumerable<string> lines)
    {
        var list = lines.ToList();
        if (!OutputFormat.TryWrite(arguments, output, list, BpfJson.Default.ListString))
        {
            foreach (var line in list)
            {
                arguments.InvocationConfiguration.Output.WriteLine(line);
            }
        }
    }
}

/// <summary>How tables are written as JSON.</summary>
[JsonSerializable(typeof(List<Dictionary<string, string>>))]
[JsonSerializable(typeof(List<string>))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class BpfJson : JsonSerializerContext;
