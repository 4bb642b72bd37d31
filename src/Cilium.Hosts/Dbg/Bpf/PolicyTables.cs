using System.CommandLine;
using System.Globalization;
using Cilium.Api;
using Cilium.Core;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.Maps;
using Cilium.Hosts.Dbg.Output;

namespace Cilium.Hosts.Dbg.Bpf;

/// <summary><c>bpf policy get &lt;endpoint&gt;|--all</c> and <c>bpf policy list</c>.</summary>
internal static class PolicyTables
{
    private static readonly string[] Head =
        ["POLICY", "DIRECTION", "LABELS (source:key[=value])", "PORT/PROTO", "PROXY PORT", "AUTH TYPE", "BYTES", "PACKETS", "PREFIX"];

    public static Command Get(AgentOptions agent)
    {
        var id = new Argument<string>("endpoint-id") { Arity = ArgumentArity.ZeroOrOne };
        var all = new Option<bool>("--all") { Description = "The policies of all endpoints." };
        var numeric = new Option<bool>("--numeric", "-n") { Description = "Print identities as numbers." };
        var output = OutputFormat.Option();
        var command = new Command("get", "List contents of a policy BPF map") { id, all, numeric, output };
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var wanted = arguments.GetValue(id);
            ushort number = 0;
            if (!arguments.GetValue(all) && !ushort.TryParse(wanted, out number))
            {
                throw new FormatException($"'{wanted}' is no endpoint; name one by its number or use --all");
            }

            var labels = arguments.GetValue(numeric) ? [] : await LabelsAsync(agent.Client(arguments), cancellationToken);
            using var maps = await BpfCommands.OpenMapsAsync(agent, arguments, cancellationToken);
            WritePolicies(arguments, output, new DatapathInspection(maps), arguments.GetValue(all) ? null : number, labels);
        }));
        return command;
    }

    public static Command List(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var command = new Command("list", "List policies with the endpoints that share them") { output };
        command.Aliases.Add("ls");
        command.SetAction((arguments, cancellationToken) => BpfCommands.WithMaps(agent, arguments, maps =>
        {
            List<string[]> rows = [["POLICY ID", "ENDPOINTS", "ENTRIES"]];
            rows.AddRange(maps.Policies().Select(policy => new[]
            {
                policy.PolicyId.ToString(CultureInfo.InvariantCulture), string.Join(',', policy.Endpoints),
                policy.Entries.Count.ToString(CultureInfo.InvariantCulture),
            }));
            BpfCommands.Print(arguments, output, rows);
        }, cancellationToken));
        return command;
    }

    /// <summary>The rows of one endpoint: the directions in which nothing is enforced, then the entries by direction, identity and port.</summary>
    public static List<string[]> Rows(
        EndpointFlags enforced,
        IEnumerable<KeyValuePair<Datapath.Maps.PolicyKey, PolicyValue>> entries,
        Func<PolicyValue, MetricsValue> countOf,
        IReadOnlyDictionary<uint, string[]> labels)
    {
        var rows = new List<string[]> { Head };
        if (!enforced.HasFlag(EndpointFlags.IngressEnforced))
            rows.Add(Everything("Ingress"));
        if (!enforced.HasFlag(EndpointFlags.EgressEnforced))
            rows.Add(Everything("Egress"));
        foreach (var (key, value) in entries.OrderBy(entry => entry.Key.Direction).ThenBy(entry => entry.Key.Identity).ThenBy(entry => entry.Key.Port.Number))
        {
            var names = Names(key.Identity, labels);
            var count = countOf(value);
            rows.Add(
            [
                value.Flags.HasFlag(PolicyFlags.Deny) ? "Deny" : "Allow", key.Direction == PolicyDirection.Ingress ? "Ingress" : "Egress", names[0],
                Port(key), value.ProxyPort.Number == 0 ? "NONE" : value.ProxyPort.ToString(), value.AuthType == 0 ? "disabled" : "spire",
                count.Bytes.ToString(CultureInfo.InvariantCulture), count.Count.ToString(CultureInfo.InvariantCulture),
                key.PrefixLength.ToString(CultureInfo.InvariantCulture),
            ]);
            rows.AddRange(names.Skip(1).Select(name => new[] { "", "", name, "", "", "", "", "", "" }));
        }

        return rows;
    }

    /// <summary>Prints the tables of several endpoints: one after the other, or as one document in which each row names its endpoint.</summary>
    public static void PrintAll(ParseResult arguments, Option<string?> output, IReadOnlyList<(ushort Endpoint, List<string[]> Rows)> endpoints)
    {
        if (arguments.GetValue(output) is { Length: > 0 })
        {
            List<string[]> all = [["ENDPOINT", .. endpoints.Count == 0 ? Head : endpoints[0].Rows[0]]];
            all.AddRange(endpoints.SelectMany(endpoint => endpoint.Rows.Skip(1).Select(row => (string[])[Text(endpoint.Endpoint), .. row])));
            BpfCommands.Print(arguments, output, all);
            return;
        }

        foreach (var (endpoint, rows) in endpoints)
        {
            arguments.InvocationConfiguration.Output.WriteLine($"Endpoint ID: {Text(endpoint)}");
            BpfCommands.Print(arguments, output, rows);
        }
    }

    // Packets that no policy was asked about are not counted.
    private static string[] Everything(string direction) => ["Allow", direction, "ANY", "ANY", "NONE", "disabled", "-", "-", "0"];

    private static void WritePolicies(
        ParseResult arguments, Option<string?> output, DatapathInspection maps, ushort? endpoint, IReadOnlyDictionary<uint, string[]> labels)
    {
        var policies = maps.Policies().ToDictionary(policy => policy.PolicyId);
        var rows = maps.Endpoints().Select(entry => entry.Row)
            .Where(row => endpoint is null ? row.EndpointId != 0 : row.EndpointId == endpoint)
            .DistinctBy(row => row.EndpointId)
            .ToArray();
        if (rows.Length == 0 && endpoint is not null)
        {
            throw new FormatException($"there is no endpoint {endpoint}");
        }

        List<(ushort Endpoint, List<string[]> Rows)> tables =
        [
            .. rows.OrderBy(row => row.EndpointId).Select(row => (row.EndpointId, Rows(
                row.Flags,
                policies.TryGetValue(row.PolicyId, out var policy) ? policy.Entries : new Dictionary<Datapath.Maps.PolicyKey, PolicyValue>(),
                maps.CountOf,
                labels))),
        ];
        if (endpoint is null)
        {
            PrintAll(arguments, output, tables);
        }
        else
        {
            BpfCommands.Print(arguments, output, tables[0].Rows);
        }
    }

    private static string Text(ushort endpoint) => endpoint.ToString(CultureInfo.InvariantCulture);

    private static async Task<Dictionary<uint, string[]>> LabelsAsync(AgentClient client, CancellationToken cancellationToken)
    {
        try
        {
            var identities = await client.GetIdentitiesAsync(cancellationToken);
            return identities.ToDictionary(identity => (uint)identity.Id, identity => (identity.Labels ?? []).Order(StringComparer.Ordinal).ToArray());
        }
        catch (Exception error) when (error is AgentUnavailableException or ApiException)
        {
            // Without an agent the numbers have to do.
            return [];
        }
    }

    private static string[] Names(uint identity, IReadOnlyDictionary<uint, string[]> labels)
    {
        if (identity == 0)
        {
            return ["ANY"];
        }

        if (labels.TryGetValue(identity, out var names) && names.Length != 0)
        {
            return names;
        }

        return new Identity(identity).ReservedName is { } reserved && labels.Count != 0
            ? [$"reserved:{reserved}"]
            : [identity.ToString(CultureInfo.InvariantCulture)];
    }

    // Identity and direction are 40 bits of the prefix; then come the protocol and as many bits of the port as matter.
    private static string Port(in Datapath.Maps.PolicyKey key)
    {
        const int fixedBits = 40;
        if (key.PrefixLength <= fixedBits || key.Protocol == 0)
        {
            return "ANY";
        }

        var protocol = ((L4Protocol)key.Protocol).ToString().ToUpperInvariant();
        var portBits = (int)key.PrefixLength - fixedBits - 8;
        if (portBits <= 0)
        {
            return $"ANY/{protocol}";
        }

        var first = key.Port.Number;
        return portBits >= 16
            ? $"{first}/{protocol}"
            : string.Create(CultureInfo.InvariantCulture, $"{first}-{first | (0xffff >> portBits)}/{protocol}");
    }
}
