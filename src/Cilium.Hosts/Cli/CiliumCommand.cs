using System.CommandLine;
using Cilium.Hosts.Cli.Policies;

namespace Cilium.Hosts.Cli;

/// <summary>The command line of <c>cilium</c>.</summary>
internal static class CiliumCommand
{
    public static RootCommand Create()
    {
        var root = new RootCommand("CLI to install, manage, & troubleshoot Cilium clusters running Kubernetes.");
        var cluster = new ClusterOptions();
        cluster.AddTo(root);
        root.Subcommands.Add(StatusCommand.Create(cluster));
        root.Subcommands.Add(ConfigCommands.Create(cluster));
        root.Subcommands.Add(new Command("policy", "Network policies") { ExplainCommand.Create() });
        root.Subcommands.Add(IpamCommands.Create(cluster));
        root.Subcommands.Add(VersionCommand.Create(cluster));
        return root;
    }
}
