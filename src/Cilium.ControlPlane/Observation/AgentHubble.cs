using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Nodes;
using Cilium.Hubble.Observing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Observation;

/// <summary>Runs Hubble in the agent: its names, its listeners, its line in the agent's status.</summary>
/// <remarks>A server that cannot listen does not end the agent: pods need the agent more than flows need listeners. The status says so.</remarks>
internal sealed partial class AgentHubble(
    HubbleIndexDerivation derivation, FlowObserver observer, HubbleDoors doors, ILocalDevices devices, AgentReadiness readiness, ILogger<AgentHubble> logger)
    : BackgroundService
{
    private volatile string? _failure;

    /// <summary>The state as the agent's status tells it.</summary>
    public HubbleStatus Status() => new()
    {
        State = _failure is null ? StatusStates.Ok : StatusStates.Failure,
        Msg = _failure ?? "",
        Observer = new HubbleObserverStatus
        {
            CurrentFlows = observer.FlowCount,
            MaxFlows = observer.Ring.Capacity,
            SeenFlows = observer.Ring.Head,
            Uptime = (long)observer.Uptime.TotalNanoseconds,
        },
        Metrics = new HubbleMetricsStatus { State = StatusStates.Disabled },
    };

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // The datapath makes devices; their names are asked for once they are there.
            await readiness.WaitReadyAsync(stoppingToken).ConfigureAwait(false);
            observer.Index.Update(builder =>
            {
                foreach (var (index, name) in devices.All())
                {
                    builder.Interfaces[index] = name;
                }
            });
            await TryListenAsync(stoppingToken).ConfigureAwait(false);
            await derivation.RunAsync(stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            await doors.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task TryListenAsync(CancellationToken cancellationToken)
    {
        try
        {
            await doors.OpenAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or FormatException)
        {
            _failure = exception.Message;
            LogNotListening(logger, exception.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "Hubble does not listen: {Reason}")]
    private static partial void LogNotListening(ILogger logger, string reason);
}
