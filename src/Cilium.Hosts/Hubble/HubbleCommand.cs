using System.CommandLine;
using System.Reflection;

namespace Cilium.Hosts.Hubble;

/// <summary>The command line of <c>hubble</c>.</summary>
internal static class HubbleCommand
{
    public static string Version =>
        typeof(HubbleCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static RootCommand Create()
    {
        var root = new RootCommand("Hubble is a utility to observe and inspect recent Cilium routed traffic in a cluster.");
        var server = new ServerOptions();
        server.AddTo(root);
        root.Subcommands.Add(ObserveCommand.Create(server));
        root.Subcommands.Add(StatusCommand.Create(server));
        root.Subcommands.Add(ListCommand.Create(server));
        root.Subcommands.Add(WatchCommand.Create(server));
        root.Subcommands.Add(ConfigCommand.Create());
        var version = new Command("version", "Display detailed version information");
        version.SetAction(result => result.InvocationConfiguration.Output.WriteLine($"hubble v{Version}"));
        root.Subcommands.Add(version);
        return root;
    }
}
