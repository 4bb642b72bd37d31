using System.CommandLine;
using Cilium.Api;
using Cilium.Hosts.Dbg.Output;
using Cilium.Hubble.Client;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg status</c>.</summary>
internal static class StatusCommand
{
    public static Command Create(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var brief = new Option<bool>("--brief") { Description = "Only print a one-line status message." };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Equivalent to --all-addresses --all-controllers --all-nodes --all-redirects --all-clusters --all-health." };
        var addresses = new Option<bool>("--all-addresses") { Description = "Show all allocated addresses, not just count." };
        var controllers = new Option<bool>("--all-controllers") { Description = "Show all controllers, not just failing." };
        var nodes = new Option<bool>("--all-nodes") { Description = "Show all nodes." };
        var health = new Option<bool>("--all-health") { Description = "Show the health of all nodes, not just of those that are not reached." };
        var redirects = new Option<bool>("--all-redirects") { Description = "Show all redirects; there are none without an L7 proxy." };
        var clusters = new Option<bool>("--all-clusters") { Description = "Show all clusters; there is one without Cluster Mesh." };
        var timeout = new Option<string>("--timeout") { Description = "Longest wait for the agent's answer.", DefaultValueFactory = _ => "30s" };
        var command = new Command("status", "Display status of daemon")
        {
            output, brief, verbose, addresses, controllers, nodes, health, redirects, clusters, timeout,
        };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var failure = "";
            var code = await AgentOptions.Run(arguments, async () =>
            {
                var isBrief = arguments.GetValue(brief);
                var status = await AskAsync(agent.Client(arguments), isBrief, arguments.GetValue(timeout)!, cancellationToken);
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
                var nodesHealth = await HealthOrNullAsync(agent.Client(arguments), status, cancellationToken);
                StatusText.Write(writer, status, nodesHealth, new StatusDetails(
                    isVerbose || arguments.GetValue(addresses),
                    isVerbose || arguments.GetValue(controllers),
                    isVerbose || arguments.GetValue(nodes) || arguments.GetValue(health),
                    isVerbose));
            });
            return code != 0 || failure.Length != 0 ? 1 : 0;
        });
        return command;
    }

    private static async Task<StatusResponse> AskAsync(AgentClient client, bool isBrief, string timeout, CancellationToken cancellationToken)
    {
        if (!FlowSelection.TryParseDuration(timeout, out var patience) || patience <= TimeSpan.Zero)
        {
            throw new FormatException($"--timeout: '{timeout}' is no duration such as 30s");
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(patience);
        try
        {
            return await client.GetStatusAsync(isBrief, deadline.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new AgentUnavailableException(client.SocketPath, $"no answer within {timeout}");
        }
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
