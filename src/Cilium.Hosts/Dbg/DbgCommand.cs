using System.CommandLine;
using Cilium.Hosts.Dbg.Agent;
using Cilium.Hosts.Dbg.Bpf;
using Cilium.Hosts.Dbg.Explain;

namespace Cilium.Hosts.Dbg;

/// <summary>The command line of <c>cilium-dbg</c>.</summary>
internal static class DbgCommand
{
    public static RootCommand Create()
    {
        var root = new RootCommand("CLI for interacting with the local Cilium agent.");
        var agent = new AgentOptions();
        agent.AddTo(root);
        root.Subcommands.Add(StatusCommand.Create(agent));
        root.Subcommands.Add(EndpointCommands.Create(agent));
        root.Subcommands.Add(IdentityCommands.Create(agent));
        root.Subcommands.Add(IpCommand.Create(agent));
        root.Subcommands.Add(ServiceCommand.Create(agent));
        root.Subcommands.Add(PolicyCommands.Create(agent));
        root.Subcommands.Add(NodeCommand.Create(agent));
        root.Subcommands.Add(ConfigCommand.Create(agent));
        root.Subcommands.Add(VersionCommand.Create(agent));
        root.Subcommands.Add(MetricsCommand.Create(agent));
        root.Subcommands.Add(MonitorCommand.Create(agent));
        root.Subcommands.Add(BpfCommands.Create(agent));
        root.Subcommands.Add(ExplainCommand.Create(agent));
        return root;
    }
}
