using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Agent;

/// <summary>One agent per state directory: a locked file with the process id. The loser waits and says so.</summary>
internal static partial class AgentLock
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    public static async Task<IDisposable> TakeAsync(string stateDirectory, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(stateDirectory);
        var path = Path.Combine(stateDirectory, "cilium.pid");
        var hasSaid = false;
        while (true)
        {
            try
            {
                var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                file.SetLength(0);
                file.Write(System.Text.Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
                file.Flush();
                return file;
            }
            catch (IOException exception)
            {
                if (!hasSaid)
                {
                    LogWaiting(logger, path, exception.Message);
                    hasSaid = true;
                }
            }

            await Task.Delay(s_look, time, cancellationToken).ConfigureAwait(false);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Another agent holds {Path}, waiting for it to end: {Reason}")]
    private static partial void LogWaiting(ILogger logger, string path, string reason);
}
