using System.CommandLine;
using Cilium.Api;
using Cilium.Hosts.Dbg.Output;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg status</c>.</summary>
internal static class StatusCommand
{
    public static Command Create(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var brief = new Option<bool>("--brief") { Description = "Only print a one-line status message." };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Equivalent to --all-addresses --all-controllers --all-nodes --all-redirects --all-clusters." };
        var addresses = new Option<bool>("--all-addresses") { Description = "Show all allocated addresses, not just count." };
        var controllers = new Option<bool>("--all-controllers") { Description = "Show all controllers, not just failing." };
        var nodes = new Option<bool>("--all-nodes") { Description = "Show all nodes." };
        var command = new Command("status", "Display status of daemon") { output, brief, verbose, addresses, controllers, nodes };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var failure = "";
            var code = await AgentOptions.Run(arguments, async () =>
            {
                var isBrief = arguments.GetValue(brief);
                var status = await agent.Client(arguments).GetStatusAsync(isBrief, cancellationToken);
                failure = StatusText.Failure(status);
                if (OutputFormat.TryWrite(arguments, output, status, ApiJson.Default.StatusResponse))
                {
                    return;
                }

                var writer = arguments.InvocationConfiguration.Output;
                if (isBrief)
                {
                    writer.WriteLine(failure.Length == 0 ? "OK" : $"error in {failure}");
                    return;
                }

                var isVerbose = arguments.GetValue(verbose);
                var health = await HealthOrNullAsync(agent.Client(arguments), status, cancellationToken);
                StatusText.Write(writer, status, health, new StatusDetails(
                    isVerbose || arguments.GetValue(addresses), isVerbose || arguments.GetValue(controllers), isVerbose || arguments.GetValue(nodes), isVerbose));
            });
            return code != 0 || failure.Length != 0 ? 1 : 0;
        });
        return command;
    }

    // The agent may be on its way up or down; its own status is worth showing without.
    private static async Task<HealthStatusResponse?> HealthOrNullAsync(AgentClient client, StatusResponse status, CancellationToken cancellationToken)
    {
        if (status.Cluster?.CiliumHealth is not { State: StatusStates.Ok })
        {
            return null;
        }

        try
        {
            return await HealthClient.Beside(client).GetStatusAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is AgentUnavailableException or ApiException)
        {
            return null;
        }
    }
}
