using System.CommandLine;
using System.Net.Sockets;
using Cilium.Api;
using Cilium.Bpf;

namespace Cilium.Hosts.Dbg;

/// <summary>Where the agent and its maps are, and what is said when they are not.</summary>
internal sealed class AgentOptions
{
    private readonly Option<string?> _host = new("--host", "-H") { Description = "URI to the agent's API socket.", Recursive = true };
    private readonly Option<string?> _bpfRoot = new("--bpf-root") { Description = "The node's bpffs (default /sys/fs/bpf).", Recursive = true };

    public void AddTo(Command command)
    {
        command.Options.Add(_host);
        command.Options.Add(_bpfRoot);
    }

    public AgentClient Client(ParseResult arguments) =>
        arguments.GetValue(_host) is { Length: > 0 } host ? new AgentClient(host) : AgentClient.FromEnvironment();

    /// <summary>The monitor's socket lies beside the API's.</summary>
    public string MonitorSocket(ParseResult arguments) =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(Client(arguments).SocketPath))!, "monitor.sock");

    /// <summary>The bpffs: as told, else as the environment tells, else as the agent tells if it answers, else the usual place.</summary>
    public async Task<string> BpfRootAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var given = arguments.GetValue(_bpfRoot) ?? Environment.GetEnvironmentVariable("CILIUM_BPF_ROOT");
        if (!string.IsNullOrEmpty(given))
        {
            return given;
        }

        try
        {
            var configuration = await Client(arguments).GetConfigurationAsync(cancellationToken);
            return configuration.Status?.DaemonConfigurationMap?.GetValueOrDefault("bpf-root") is { Length: > 0 } root ? root : "/sys/fs/bpf";
        }
        catch (Exception error) when (error is AgentUnavailableException or ApiException)
        {
            // The maps outlive the agent, and so must the commands that read them.
            return "/sys/fs/bpf";
        }
    }

    /// <summary>Runs the body of a command; what went wrong becomes one line on the error output and exit code 1.</summary>
    public static async Task<int> Run(ParseResult arguments, Func<Task> body)
    {
        try
        {
            await body();
            return 0;
        }
        catch (Exception error) when (error is AgentUnavailableException or ApiException or FormatException or KernelException
            or IOException or UnauthorizedAccessException or SocketException)
        {
            arguments.InvocationConfiguration.Error.WriteLine($"Error: {error.Message}");
            return 1;
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
    }
}
