using Cilium.Api;
using Cilium.Hosts.Cni.Agent;
using Cilium.Hosts.Cni.Commands;
using Cilium.Hosts.Cni.Devices;
using Cilium.Hosts.Cni.Spec;
using Cilium.Netlink;

namespace Cilium.Hosts.Cni;

/// <summary>One call of the plugin: environment and standard input in, JSON and an exit code out.</summary>
internal sealed class CniDispatcher(IPodNetwork network, TimeProvider time)
{
    /// <summary>How long all requests of one call together may take.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    public async Task<(int ExitCode, byte[] Output)> RunAsync(Func<string, string?> environment, ReadOnlyMemory<byte> input)
    {
        var version = "0.3.1";
        var log = "";
        try
        {
            var arguments = CniArguments.Read(environment);
            var configuration = NetworkConfiguration.Parse(input.IsEmpty ? "{}"u8.ToArray() : input, environment);
            log = configuration.LogFile;
            if (arguments.Command == "VERSION")
            {
                return (0, CniVersions.Answer(configuration.CniVersion));
            }

            CniVersions.Require(configuration.CniVersion, arguments.Command);
            version = configuration.CniVersion;
            return (0, await RunAsync(arguments, configuration, CancellationToken.None).ConfigureAwait(false));
        }
        catch (Exception exception) when (AsCniException(exception) is { } error)
        {
            PluginLog.Append(log, time, $"{environment("CNI_COMMAND")} {environment("CNI_CONTAINERID")}: {error.Message} {error.Details}");
            return (1, error.ToJson(version));
        }
    }

    private async Task<byte[]> RunAsync(CniArguments arguments, NetworkConfiguration configuration, CancellationToken cancellationToken)
    {
        // A plugin lives for some twenty milliseconds: it waits on its one thread, and a timer would be a second.
        AgentClient Connect(TimeSpan patience) => AgentClient.Blocking(configuration.SocketPath, patience, time, static path => new KernelConnection(path));
        using var agent = Connect(Patience);
        switch (arguments.Command)
        {
            case "ADD":
                var result = await new AddCommand(agent, network, time).RunAsync(arguments, cancellationToken).ConfigureAwait(false);
                return result.ToJson(configuration.CniVersion);
            case "DEL":
                var queue = new DeletionQueue(DeletionQueue.DirectoryBelow(configuration.StateDirectory));
                await new DelCommand(Connect, Patience, network, queue).RunAsync(arguments, cancellationToken).ConfigureAwait(false);
                return [];
            case "CHECK":
                await new CheckCommand(agent, network).RunAsync(arguments, configuration, cancellationToken).ConfigureAwait(false);
                return [];
            case "GC":
                await new GcCommand(agent, network).RunAsync(configuration, cancellationToken).ConfigureAwait(false);
                return [];
            default:
                await new StatusCommand(agent).RunAsync(cancellationToken).ConfigureAwait(false);
                return [];
        }
    }

    private CniException? AsCniException(Exception exception) => exception switch
    {
        CniException error => error,
        AggregateException several when several.InnerExceptions is [var first, ..] && AsCniException(first) is { } error =>
            new CniException(error.Code, error.Message, string.Join("; ", several.InnerExceptions.Select(one => one.Message)), several),
        AgentUnavailableException => new CniException(CniErrorCode.TryAgainLater, "the Cilium agent is not available", exception.Message, exception),
        ApiException { StatusCode: 503 or 429 } => new CniException(CniErrorCode.TryAgainLater, "the Cilium agent is busy", exception.Message, exception),
        ApiException => new CniException(CniErrorCode.AgentRefused, "the Cilium agent refused", exception.Message, exception),
        NetlinkException => new CniException(CniErrorCode.Kernel, "the kernel refused", exception.Message, exception),
        OperationCanceledException => new CniException(CniErrorCode.TryAgainLater, $"not done within {Patience.TotalSeconds} s", "", exception),
        IOException or UnauthorizedAccessException or TimeoutException or InvalidOperationException =>
            new CniException(CniErrorCode.InputOutput, exception.Message, "", exception),
        _ => null,
    };
}
