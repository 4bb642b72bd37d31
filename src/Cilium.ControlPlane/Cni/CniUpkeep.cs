using Cilium.ControlPlane.Agent;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Cni;

/// <summary>
/// Installs again what somebody removed or changed, and sets aside what came since: a node without its conflist makes no pod, and one with another's
/// before ours makes pods that are not ours.
/// </summary>
/// <remarks>A look costs a few calls of the kernel; only what they tell has the files read.</remarks>
internal sealed partial class CniUpkeep(CniInstallation installation, TimeProvider time, ILogger<CniUpkeep> logger) : IAgentLoop
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(10);
    private List<(DateTime Written, long Length)> _seen = [];
    private string _complaint = "";

    public string Name => "cni-upkeep";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await time.DelayToTickAsync(s_look, cancellationToken).ConfigureAwait(false);
            Look();
        }
    }

    private void Look()
    {
        try
        {
            // Looked at before anything is installed: a change in between is seen at the next look, as is what we write ourselves.
            var present = installation.Files.Select(StampOf).ToList();
            if (!installation.HasOthers && present.SequenceEqual(_seen))
            {
                return;
            }

            installation.Install();
            (_seen, _complaint) = (present, "");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            if (_complaint != exception.Message)
            {
                LogFailed(logger, exception.Message);
            }

            _complaint = exception.Message;
        }
    }

    private static (DateTime Written, long Length) StampOf(string path)
    {
        var file = new FileInfo(path);
        return (file.LastWriteTimeUtc, file.Exists ? file.Length : -1);
    }

    [LoggerMessage(1, LogLevel.Warning, "Cannot install the CNI plugin or its configuration anew; trying again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);
}
