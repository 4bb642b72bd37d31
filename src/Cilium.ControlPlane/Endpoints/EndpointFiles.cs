using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Keeps the files of endpoints like their rows; what a full or read-only disk refuses is written when the disk takes it.</summary>
/// <remarks>Not thread-safe. A file that is late costs a restarted agent nothing but a look at the pod; an agent that ends costs the node.</remarks>
internal sealed partial class EndpointFiles(AgentTables tables, EndpointStore store, TimeProvider time, ILogger<EndpointFiles> logger)
{
    private static readonly TimeSpan s_tryAgain = TimeSpan.FromSeconds(10);
    private readonly HashSet<EndpointId> _unsaved = [];
    private long _lastTry;

    /// <summary>The longest to wait before <see cref="TryAgain"/>; null when there is nothing to write.</summary>
    public TimeSpan? UntilNextTry => _unsaved.Count > 0 ? s_tryAgain : null;

    /// <summary>Writes an endpoint with its identity, as the tables have them.</summary>
    public void Save(EndpointId id)
    {
        if (!tables.Endpoints.TryGet(id, out var row) || !tables.EndpointIdentities.TryGet(id, out var identity))
        {
            _unsaved.Remove(id);
            return;
        }

        try
        {
            store.Save(EndpointRecord.Of(row, identity));
            // Deleted meanwhile: its file must not come back.
            if (!tables.Endpoints.TryGet(id, out _))
            {
                store.Remove(id);
            }
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            _lastTry = time.GetTimestamp();
            if (_unsaved.Add(id))
            {
                LogNotSaved(logger, id, row.Owner, refusal.Message);
            }

            return;
        }

        if (_unsaved.Remove(id))
        {
            LogSaved(logger, id);
        }
    }

    /// <summary>Writes what was refused, when it is time to.</summary>
    public void TryAgain()
    {
        if (_unsaved.Count == 0 || time.GetElapsedTime(_lastTry) < s_tryAgain)
        {
            return;
        }

        foreach (var id in _unsaved.ToArray())
        {
            Save(id);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Endpoint {Endpoint} of {Owner} cannot be saved, trying again: {Reason}")]
    private static partial void LogNotSaved(ILogger logger, EndpointId endpoint, string owner, string reason);

    [LoggerMessage(2, LogLevel.Information, "Endpoint {Endpoint} is saved now")]
    private static partial void LogSaved(ILogger logger, EndpointId endpoint);
}
