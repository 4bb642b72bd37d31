using Cilium.Bpf;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath.Kernel;

/// <summary>Maps pinned in the node's bpffs.</summary>
internal sealed partial class PinnedMaps : IMapKeeper
{
    private readonly PinPaths _paths;
    private readonly ILogger _logger;

    internal PinnedMaps(string bpfRoot, ILogger logger)
    {
        BpfFileSystem.EnsureMounted(bpfRoot);
        _paths = new PinPaths(bpfRoot);
        _logger = logger;
    }

    /// <inheritdoc/>
    public BpfMap? Find(string name, MapShape declared)
    {
        switch (BpfPins.TryAdopt(_paths.Map(name), declared, out var map, out var found))
        {
            case PinnedMap.Equal:
                return map;
            case PinnedMap.Different:
                LogRecreated(_logger, name, $"{found}", $"{declared}");
                return null;
            default:
                return null;
        }
    }

    /// <inheritdoc/>
    public void Keep(string name, BpfMap map) => BpfPins.Pin(map.Fd, _paths.Map(name));

    [LoggerMessage(1, LogLevel.Warning, "Map {Map} is pinned as {Found} but declared as {Declared}: it is created anew and its entries are lost")]
    private static partial void LogRecreated(ILogger logger, string map, string found, string declared);
}
