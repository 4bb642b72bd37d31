using System.CommandLine;
using System.Globalization;
using Cilium.Api;
using Cilium.Hosts.Dbg.Output;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg identity list|get</c>.</summary>
internal static class IdentityCommands
{
    public static Command Create(AgentOptions agent) => new("identity", "Manage security identities") { List(agent), Get(agent) };

    /// <summary>The table: a row each, and a row more for each further label.</summary>
    public static void WriteTable(TextWriter writer, IEnumerable<IdentityModel> identities)
    {
        List<string[]> rows = [["ID", "LABELS"]];
        foreach (var identity in identities.OrderBy(identity => identity.Id))
        {
            var labels = (identity.Labels ?? []).Order(StringComparer.Ordinal).ToArray();
            rows.Add([identity.Id.ToString(CultureInfo.InvariantCulture), labels.FirstOrDefault("")]);
            rows.AddRange(labels.Skip(1).Select(label => new[] { "", label }));
        }

        TextTable.Write(writer, rows, spacing: 3);
    }

    private static void WriteReferences(TextWriter writer, IEnumerable<IdentityEndpoints> identities)
    {
        List<string[]> rows = [["ID", "LABELS", "REFCOUNT"]];
        foreach (var entry in identities.Where(entry => entry.Identity is not null).OrderBy(entry => entry.Identity!.Id))
        {
            var labels = (entry.Identity!.Labels ?? []).Order(StringComparer.Ordinal).ToArray();
            var count = entry.RefCount.ToString(CultureInfo.InvariantCulture);
            rows.Add([entry.Identity.Id.ToString(CultureInfo.InvariantCulture), labels.FirstOrDefault(""), count]);
            rows.AddRange(labels.Skip(1).Select(label => new[] { "", label, "" }));
        }

        TextTable.Write(writer, rows, spacing: 3);
    }

    private static Command List(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var endpoints = new Option<bool>("--endpoints") { Description = "Only identities of local endpoints, with their number." };
        var command = new Command("list", "List identities") { output, endpoints };
        command.Aliases.Add("ls");
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var client = agent.Client(arguments);
            var writer = arguments.InvocationConfiguration.Output;
            if (arguments.GetValue(endpoints))
            {
                var used = await client.GetIdentityEndpointsAsync(cancellationToken);
                if (!OutputFormat.TryWrite(arguments, output, used, ApiJson.Default.IReadOnlyListIdentityEndpoints))
                {
                    WriteReferences(writer, used);
                }

                return;
            }

            var identities = await client.GetIdentitiesAsync(cancellationToken);
            if (!OutputFormat.TryWrite(arguments, output, identities, ApiJson.Default.IReadOnlyListIdentityModel))
            {
                WriteTable(writer, identities);
            }
        }));
        return command;
    }

    private static Command Get(AgentOptions agent)
    {
        var id = new Argument<string>("identity");
        var output = OutputFormat.Option();
        var command = new Command("get", "Retrieve information about an identity") { id, output };
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            IReadOnlyList<IdentityModel> identities = [await agent.Client(arguments).GetIdentityAsync(arguments.GetValue(id)!, cancellationToken)];
            if (!OutputFormat.TryWrite(arguments, output, identities, ApiJson.Default.IReadOnlyListIdentityModel))
            {
                WriteTable(arguments.InvocationConfiguration.Output, identities);
            }
        }));
        return command;
    }
}
