using Cilium.Ipam;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>A named loop that does its work once per interval; a failed run is told and left to the next.</summary>
internal sealed partial class PeriodicLoop(string name, TimeSpan interval, Func<CancellationToken, Task> work, TimeProvider time, ILogger logger)
{
    /// <summary>Runs until cancelled; ends at once when the interval is zero.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (interval <= TimeSpan.Zero)
        {
            LogOff(logger, name);
            return;
        }

        while (true)
        {
            await Task.Delay(interval, time, cancellationToken);
            try
            {
                await work(cancellationToken);
            }
            catch (Exception exception) when (exception is KubernetesException or HttpRequestException or IOException or TimeoutException
                or System.Text.Json.JsonException or CloudRefusedException)
            {
                LogFailed(logger, name, exception.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "{Loop} is switched off")]
    private static partial void LogOff(ILogger logger, string loop);

    [LoggerMessage(2, LogLevel.Warning, "{Loop} failed, trying again next time: {Reason}")]
    private static partial void LogFailed(ILogger logger, string loop, string reason);
}
