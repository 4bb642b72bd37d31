using System.CommandLine;
using Cilium.Api;
using Cilium.Hubble.Monitor;
using Cilium.Hubble.Names;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg monitor</c>: the datapath's events as they happen.</summary>
internal static class MonitorCommand
{
    public static Command Create(AgentOptions agent)
    {
        var types = new Option<string[]>("--type", "-t") { Description = $"Filter by event types: {string.Join(", ", EventNames.TypeNames)}." };
        var from = new Option<ushort[]>("--from") { Description = "Filter by source endpoint id." };
        var to = new Option<ushort[]>("--to") { Description = "Filter by destination endpoint id." };
        var related = new Option<ushort[]>("--related-to") { Description = "Filter by either source or destination endpoint id." };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Print the headers of each packet." };
        var numeric = new Option<bool>("--numeric", "-n") { Description = "Print reserved identities as numbers." };
        var hex = new Option<bool>("--hex") { Description = "Print the captured bytes with -v." };
        var json = new Option<bool>("--json", "-j") { Description = "Print an object of JSON for each event." };
        var command = new Command("monitor", "Display BPF program events") { types, from, to, related, verbose, numeric, hex, json };
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var filter = new MonitorFilter
            {
                Types = [.. (arguments.GetValue(types) ?? []).SelectMany(names => names.Split(',')).Select(TypeOf)],
                From = arguments.GetValue(from) ?? [],
                To = arguments.GetValue(to) ?? [],
                RelatedTo = arguments.GetValue(related) ?? [],
            };
            var writer = arguments.InvocationConfiguration.Output;
            var text = new MonitorText(arguments.GetValue(numeric), new InterfaceNames().Of);
            var error = arguments.InvocationConfiguration.Error;
            var monitor = (await agent.Client(arguments).GetStatusAsync(brief: false, cancellationToken)).NodeMonitor;
            error.WriteLine(StatusText.Monitor(monitor ?? new MonitorStatus { Cpus = Environment.ProcessorCount }));
            error.WriteLine("Press Ctrl-C to quit");
            await foreach (var message in MonitorClient.ListenAsync(agent.MonitorSocket(arguments), cancellationToken))
            {
                if (message.Lost == 0 && !filter.Shows(message.Event))
                {
                    continue;
                }

                writer.WriteLine(arguments.GetValue(json) ? MonitorJson.Line(message, text)
                    : arguments.GetValue(verbose) ? text.Block(message, arguments.GetValue(hex))
                    : text.Line(message));
                await writer.FlushAsync(cancellationToken);
            }
        }));
        return command;
    }

    private static int TypeOf(string name) => EventNames.TryParseType(name, out var type)
        ? type
        : throw new FormatException($"--type: '{name}' is not one of {string.Join(", ", EventNames.TypeNames)}");
}
