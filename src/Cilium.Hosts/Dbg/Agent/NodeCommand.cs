using System.CommandLine;
using Cilium.Api;
using Cilium.Hosts.Dbg.Output;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg node list</c>.</summary>
internal static class NodeCommand
{
    public static Command Create(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var list = new Command("list", "List nodes") { output };
        list.Aliases.Add("ls");
        list.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var nodes = await agent.Client(arguments).GetNodesAsync(cancellationToken);
            if (!OutputFormat.TryWrite(arguments, output, nodes, ApiJson.Default.ClusterNodeStatus))
            {
                WriteTable(arguments.InvocationConfiguration.Output, nodes);
            }
        }));
        return new Command("node", "Manage cluster nodes") { list };
    }

    /// <summary>The table; the node itself is marked.</summary>
    public static void WriteTable(TextWriter writer, ClusterNodeStatus status)
    {
        List<string[]> rows = [["Name", "IPv4 Address", "Endpoint CIDR", "IPv6 Address", "Endpoint CIDR", "Source"]];
        foreach (var node in (status.NodesAdded ?? []).OrderBy(node => node.Name, StringComparer.Ordinal))
        {
            var (v4, v6) = (node.PrimaryAddress?.Ipv4, node.PrimaryAddress?.Ipv6);
            var name = node.Name == status.Self ? $"{node.Name} (localhost)" : node.Name;
            rows.Add([name ?? "", v4?.Ip ?? "", v4?.AllocRange ?? "", v6?.Ip ?? "", v6?.AllocRange ?? "", node.Source ?? ""]);
        }

        TextTable.Write(writer, rows, spacing: 3);
    }
}
