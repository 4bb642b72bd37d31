using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Cilium.Api;
using Cilium.Hosts.Dbg.Output;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg endpoint list|get|labels|log|healthz</c>.</summary>
internal static class EndpointCommands
{
    public static Command Create(AgentOptions agent) =>
        new("endpoint", "Manage endpoints") { List(agent), Get(agent), Log(agent), Health(agent), Labels(agent) };

    /// <summary>The table of endpoints: a row each, and a row more for each further label.</summary>
    public static void WriteTable(TextWriter writer, IEnumerable<EndpointModel> endpoints, bool withHeaders = true)
    {
        List<string[]> rows = !withHeaders ? [] :
        [
            ["ENDPOINT", "POLICY (ingress)", "POLICY (egress)", "IDENTITY", "LABELS (source:key[=value])", "IPv6", "IPv4", "STATUS"],
            ["", "ENFORCEMENT", "ENFORCEMENT", "", "", "", "", ""],
        ];
        foreach (var endpoint in endpoints.OrderBy(endpoint => endpoint.Id))
        {
            var status = endpoint.Status;
            var labels = (status?.Labels?.SecurityRelevant ?? status?.Identity?.Labels ?? []).Order(StringComparer.Ordinal).ToArray();
            var enabled = status?.Policy?.Realized?.PolicyEnabled ?? "none";
            var address = status?.Networking?.Addressing is [var first, ..] ? first : null;
            rows.Add(
            [
                Number(endpoint.Id), Enforcement(enabled, "ingress"), Enforcement(enabled, "egress"),
                status?.Identity is { } identity ? Number(identity.Id) : "<no label id>",
                labels.Length == 0 ? "no labels" : labels[0], address?.Ipv6 ?? "", address?.Ipv4 ?? "", status?.State ?? "",
            ]);
            rows.AddRange(labels.Skip(1).Select(label => new[] { "", "", "", "", label, "", "", "" }));
        }

        TextTable.Write(writer, rows, spacing: 3);
    }

    private static string Enforcement(string enabled, string direction)
    {
        if (enabled == "both" || enabled == direction)
        {
            return "Enabled";
        }

        return enabled == "audit-both" || enabled == $"audit-{direction}" ? "Disabled (Audit)" : "Disabled";
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static Command List(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var noHeaders = new Option<bool>("--no-headers") { Description = "Do not print headers." };
        var command = new Command("list", "List all endpoints") { output, noHeaders };
        command.Aliases.Add("ls");
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var endpoints = await agent.Client(arguments).GetEndpointsAsync(cancellationToken);
            if (!OutputFormat.TryWrite(arguments, output, endpoints, ApiJson.Default.IReadOnlyListEndpointModel))
            {
                WriteTable(arguments.InvocationConfiguration.Output, endpoints, withHeaders: !arguments.GetValue(noHeaders));
            }
        }));
        return command;
    }

    private static Command Get(AgentOptions agent)
    {
        var id = Id();
        var output = OutputFormat.Option();
        var command = new Command("get", "Display endpoint information") { id, output };
        command.Aliases.Add("inspect");
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            IReadOnlyList<EndpointModel> endpoints = [await agent.Client(arguments).GetEndpointAsync(arguments.GetValue(id)!, cancellationToken)];
            if (!OutputFormat.TryWrite(arguments, output, endpoints, ApiJson.Default.IReadOnlyListEndpointModel))
            {
                OutputFormat.WriteJson(
                    arguments.InvocationConfiguration.Output, JsonSerializer.SerializeToElement(endpoints, ApiJson.Default.IReadOnlyListEndpointModel));
            }
        }));
        return command;
    }

    private static Command Log(AgentOptions agent)
    {
        var id = Id();
        var output = OutputFormat.Option();
        var command = new Command("log", "View endpoint status log") { id, output };
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var log = await agent.Client(arguments).GetEndpointLogAsync(arguments.GetValue(id)!, cancellationToken);
            if (!OutputFormat.TryWrite(arguments, output, log, ApiJson.Default.IReadOnlyListEndpointStatusChange))
            {
                string[] head = ["Timestamp", "Status", "State", "Message"];
                TextTable.Write(
                    arguments.InvocationConfiguration.Output,
                    [head, .. log.Select(change => new[] { change.Timestamp ?? "", change.Code ?? "", change.State ?? "", change.Message ?? "" })],
                    spacing: 3);
            }
        }));
        return command;
    }

    private static Command Health(AgentOptions agent)
    {
        var id = Id();
        var output = OutputFormat.Option();
        var command = new Command("healthz", "View endpoint health") { id, output };
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var health = await agent.Client(arguments).GetEndpointHealthAsync(arguments.GetValue(id)!, cancellationToken);
            if (!OutputFormat.TryWrite(arguments, output, health, ApiJson.Default.EndpointHealth))
            {
                TextTable.Write(
                    arguments.InvocationConfiguration.Output,
                    [
                        ["Overall Health:", health.OverallHealth ?? ""], ["BPF Health:", health.Bpf ?? ""],
                        ["Policy Health:", health.Policy ?? ""], ["Connected:", health.Connected ? "yes" : "no"],
                    ],
                    spacing: 3);
            }
        }));
        return command;
    }

    private static Command Labels(AgentOptions agent)
    {
        var id = Id();
        var command = new Command("labels", "View endpoint labels") { id };
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var labels = await agent.Client(arguments).GetEndpointLabelsAsync(arguments.GetValue(id)!, cancellationToken);
            foreach (var label in (labels.SecurityRelevant ?? []).Order(StringComparer.Ordinal))
            {
                arguments.InvocationConfiguration.Output.WriteLine(label);
            }
        }));
        return command;
    }

    private static Argument<string> Id() => new("endpoint-id") { Description = "The number, or prefix:value such as pod-name:namespace:name." };
}
