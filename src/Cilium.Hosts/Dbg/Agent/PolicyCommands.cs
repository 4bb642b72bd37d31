using System.CommandLine;
using System.Globalization;
using Cilium.Api;
using Cilium.Hosts.Dbg.Output;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg policy get|selectors</c>.</summary>
internal static class PolicyCommands
{
    public static Command Create(AgentOptions agent) => new("policy", "Manage security policies") { Get(agent), Selectors(agent) };

    private static Command Get(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var command = new Command("get", "Display policy node information") { output };
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var policy = await agent.Client(arguments).GetPolicyAsync(cancellationToken);
            if (!OutputFormat.TryWrite(arguments, output, policy, ApiJson.Default.PolicyModel))
            {
                var writer = arguments.InvocationConfiguration.Output;
                writer.WriteLine(policy.Policy is { Length: > 0 } rules ? rules : "[]");
                writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Revision: {policy.Revision}"));
            }
        }));
        return command;
    }

    private static Command Selectors(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var command = new Command("selectors", "Display cached information about selectors") { output };
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var selectors = await agent.Client(arguments).GetPolicySelectorsAsync(cancellationToken);
            if (OutputFormat.TryWrite(arguments, output, selectors, ApiJson.Default.IReadOnlyListSelectorIdentityMapping))
            {
                return;
            }

            List<string[]> rows = [["SELECTOR", "LABELS", "USERS", "IDENTITIES"]];
            foreach (var selector in selectors)
            {
                var identities = (selector.Identities ?? []).Order().Select(id => id.ToString(CultureInfo.InvariantCulture)).ToArray();
                rows.Add(
                [
                    selector.Selector ?? "", string.Join(',', selector.Labels ?? []), selector.Users.ToString(CultureInfo.InvariantCulture),
                    identities.FirstOrDefault(""),
                ]);
                rows.AddRange(identities.Skip(1).Select(identity => new[] { "", "", "", identity }));
            }

            TextTable.Write(arguments.InvocationConfiguration.Output, rows, spacing: 3);
        }));
        return command;
    }
}
