using Cilium.Ipam;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>Deletes interfaces that we made and that were never attached, since an operator died or was refused in between.</summary>
/// <param name="cloud">The cloud.</param>
/// <param name="tags">The tags by which such interfaces are known; without any, none are ours.</param>
/// <param name="logger">Where to tell.</param>
internal sealed partial class InterfaceCollector(IInterfaceCloud cloud, IReadOnlyDictionary<string, string> tags, ILogger logger)
{
    private HashSet<string> _suspects = [];

    /// <summary>Deletes those that were attached to nothing at the last look and still are.</summary>
    public async Task CollectAsync(CancellationToken cancellationToken)
    {
        if (tags.Count == 0)
        {
            return;
        }

        var read = await cloud.ReadAsync(cancellationToken);
        var suspects = new HashSet<string>();
        foreach (var found in read.Interfaces.Where(found => found.InstanceId.Length == 0 && tags.All(tag => found.Tags.TryGetValue(tag.Key, out var value) && value == tag.Value)))
        {
            if (!_suspects.Contains(found.Id) || !await TryDeleteAsync(found.Id, cancellationToken))
            {
                suspects.Add(found.Id);
            }
        }

        _suspects = suspects;
    }

    // One that the cloud keeps must not keep the others: they are behind it at every look.
    private async Task<bool> TryDeleteAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            await cloud.DeleteAsync(id, cancellationToken);
            LogDeleted(logger, id);
            return true;
        }
        catch (CloudRefusedException exception)
        {
            LogKept(logger, id, exception.Message);
            return false;
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Deleted the interface {Interface}, which was never attached")]
    private static partial void LogDeleted(ILogger logger, string @interface);

    [LoggerMessage(2, LogLevel.Warning, "Cannot delete the interface {Interface}, which was never attached; it is tried again: {Reason}")]
    private static partial void LogKept(ILogger logger, string @interface, string reason);
}
