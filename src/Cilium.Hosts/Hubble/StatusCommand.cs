using System.CommandLine;
using Cilium.Hubble.Client;
using Cilium.Hubble.Printing;
using Cilium.Hubble.Serving;
using Grpc.Health.V1;
using Proto = Cilium.Hubble.Proto;

namespace Cilium.Hosts.Hubble;

/// <summary><c>hubble status</c>: the health check and the counters of a server.</summary>
internal static class StatusCommand
{
    public static Command Create(ServerOptions server)
    {
        var output = new Option<string>("--output", "-o") { Description = "compact, dict, json or table (default compact).", DefaultValueFactory = _ => "compact" };
        output.AcceptOnlyFromAmong("compact", "dict", "json", "jsonpb", "table", "tab");
        var command = new Command("status", "Display status of Hubble server") { output };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var isServing = false;
            var code = await CommandErrors.RunConnected(
                arguments, server, async connection => isServing = await PrintAsync(arguments, connection, cancellationToken), cancellationToken);
            return code != 0 || isServing ? code : 1;
        });
        return command;

        // True when the server says that it serves.
        async Task<bool> PrintAsync(ParseResult arguments, ServerConnection connection, CancellationToken cancellationToken)
        {
            var writer = arguments.InvocationConfiguration.Output;
            var deadline = TimeProvider.System.GetUtcNow().UtcDateTime + server.RequestTimeout(arguments);
            var health = await new Health.HealthClient(connection.Channel).CheckAsync(
                new HealthCheckRequest { Service = HubblePipeline.HealthService }, deadline: deadline, cancellationToken: cancellationToken);
            var status = await new Proto.Observer.ObserverClient(connection.Channel).ServerStatusAsync(
                new Proto.ServerStatusRequest(), deadline: deadline, cancellationToken: cancellationToken);
            var isServing = health.Status == HealthCheckResponse.Types.ServingStatus.Serving;
            switch (arguments.GetValue(output))
            {
                case "json" or "jsonpb":
                    writer.WriteLine(ProtoJson.Format(status));
                    break;
                case "dict":
                    StatusText.WriteDict(writer, status);
                    break;
                case "table" or "tab":
                    StatusText.WriteTable(writer, status);
                    break;
                default:
                    var word = isServing ? "Ok" : $"Unavailable: {health.Status}";
                    writer.WriteLine($"Healthcheck (via {connection.Address.Text}): {word}");
                    StatusText.WriteCompact(writer, status);
                    break;
            }

            if (!isServing)
            {
                arguments.InvocationConfiguration.Error.WriteLine($"not healthy: {health.Status}");
            }

            return isServing;
        }
    }
}
