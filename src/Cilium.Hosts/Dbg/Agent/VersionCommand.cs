using System.CommandLine;
using System.Reflection;
using Cilium.Api;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg version</c>: of this program and of the agent.</summary>
internal static class VersionCommand
{
    public static Command Create(AgentOptions agent)
    {
        var command = new Command("version", "Print version information");
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var writer = arguments.InvocationConfiguration.Output;
            var own = typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
            writer.WriteLine($"Client: {own ?? "unknown"}");
            var status = await agent.Client(arguments).GetStatusAsync(brief: true, cancellationToken);
            writer.WriteLine(status.Cilium is { State: StatusStates.Ok, Msg: { } version } ? $"Daemon: {version}" : $"Daemon: unknown ({status.Cilium?.Msg ?? "no status"})");
        }));
        return command;
    }
}
