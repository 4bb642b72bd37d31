using System.CommandLine;
using Cilium.Api;
using Cilium.Hosts.Dbg.Output;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg config [--all]</c> and <c>config get key</c>: the agent's configuration, read only.</summary>
internal static class ConfigCommand
{
    public static Command Create(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var all = new Option<bool>("--all", "-a") { Description = "Show all configuration settings." };
        var config = new Command("config", "Cilium configuration options") { output, all };
        config.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var configuration = await agent.Client(arguments).GetConfigurationAsync(cancellationToken);
            if (OutputFormat.TryWrite(arguments, output, configuration, ApiJson.Default.DaemonConfiguration))
            {
                return;
            }

            var options = configuration.Status?.Realized?.Options ?? configuration.Spec?.Options;
            var writer = arguments.InvocationConfiguration.Output;
            if (arguments.GetValue(all))
            {
                writer.WriteLine("##### Read-write configurations #####");
            }

            Write(writer, options);
            if (arguments.GetValue(all))
            {
                writer.WriteLine("##### Read-only configurations #####");
                Write(writer, configuration.Status?.DaemonConfigurationMap);
            }
        }));
        var key = new Argument<string>("key");
        var get = new Command("get", "Retrieve cilium configuration") { key };
        get.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var configuration = await agent.Client(arguments).GetConfigurationAsync(cancellationToken);
            var name = arguments.GetValue(key)!;
            var value = configuration.Status?.Realized?.Options?.GetValueOrDefault(name)
                ?? configuration.Status?.DaemonConfigurationMap?.GetValueOrDefault(name)
                ?? throw new FormatException($"the agent has no configuration named '{name}'");
            arguments.InvocationConfiguration.Output.WriteLine(value);
        }));
        config.Subcommands.Add(get);
        return config;
    }

    private static void Write(TextWriter writer, IReadOnlyDictionary<string, string>? options) =>
        TextTable.Write(
            writer,
            [.. (options ?? new Dictionary<string, string>()).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new[] { pair.Key, $": {pair.Value}" })],
            spacing: 1);
}
