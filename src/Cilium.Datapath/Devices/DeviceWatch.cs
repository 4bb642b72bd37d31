using Cilium.Bpf;
using Cilium.Datapath.Kernel;
using Cilium.Netlink;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath.Devices;

/// <summary>
/// Follows the devices that have programs. A native one that is made anew, as network managers do with bonds and VLANs, gets its programs again.
/// Of one that programs or routes know by its number, somebody is told that only a new agent helps.
/// </summary>
internal sealed partial class DeviceWatch : IDisposable
{
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);
    private readonly NodeAttachments _attachments;
    private readonly NodeNamespace _ns;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly HashSet<string> _replaceable;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    // By name, as they were last seen; 0: gone.
    private readonly Dictionary<string, int> _known;
    private NodeNetwork _network;

    /// <param name="network">The devices as they have their programs.</param>
    /// <param name="attachments">Attaches again.</param>
    /// <param name="areNumbersKept">Whether others than this keep the numbers of native devices.</param>
    /// <param name="ns">Where devices are.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where to log.</param>
    internal DeviceWatch(
        NodeNetwork network, NodeAttachments attachments, bool areNumbersKept, NodeNamespace ns, TimeProvider time, ILogger logger)
    {
        _network = network;
        _attachments = attachments;
        _ns = ns;
        _time = time;
        _logger = logger;
        _known = NodeAttachments.Wanted(network).Select(wanted => (wanted.Device, wanted.Ifindex)).Distinct().ToDictionary();
        _replaceable = areNumbersKept ? [] : network.Underlay.Select(link => link.Name).ToHashSet();
        _loop = Task.Run(WatchAsync);
    }

    /// <summary>Stops watching; programs stay.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _loop.GetAwaiter().GetResult();
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            while (true)
            {
                try
                {
                    await FollowAsync().ConfigureAwait(false);
                }
                catch (Exception failure) when (failure is NetlinkException or KernelException)
                {
                    LogFailed(_logger, failure.Message);
                }
                await Task.Delay(s_again, _time, _stop.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The datapath stops.
            return;
        }
    }

    // Until the watch ends or something fails. What changed while nobody watched is read first.
    private async Task FollowAsync()
    {
        using var watch = _ns.OpenMonitor(NetworkWatches.Links);
        using var netlink = _ns.OpenNetlink();
        Compare(netlink);
        await foreach (var change in watch.ReadAllAsync(_stop.Token).ConfigureAwait(false))
        {
            // Pods' devices come and go all the time.
            if (change.WasLost || (change.Link is { } link && (_known.ContainsKey(link.Name) || _known.ContainsValue(link.Index))))
                Compare(netlink);
        }
    }

    private void Compare(RouteNetlink netlink)
    {
        var present = netlink.Links().ToDictionary(link => link.Name);
        foreach (var (name, before) in _known.ToList())
        {
            var link = present.GetValueOrDefault(name);
            if ((link?.Index ?? 0) == before)
                continue;
            if (!_replaceable.Contains(name))
                LogRestart(_logger, name);
            else if (link is null)
                LogGone(_logger, name);
            else
                Replace(link);
            // What failed is tried again.
            _known[name] = link?.Index ?? 0;
        }
    }

    private void Replace(Link link)
    {
        _network = _network with { Underlay = [.. _network.Underlay.Select(other => other.Name == link.Name ? link : other)] };
        _attachments.AttachAgain(_network, link.Name);
        LogReplaced(_logger, link.Name, link.Index);
    }

    [LoggerMessage(1, LogLevel.Warning, "Following the node's devices failed, trying again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);

    [LoggerMessage(2, LogLevel.Warning, "Device {Device} is gone; it gets its programs when it is made anew")]
    private static partial void LogGone(ILogger logger, string device);

    [LoggerMessage(3, LogLevel.Information, "Device {Device} was made anew, as number {Index}, and has its programs again")]
    private static partial void LogReplaced(ILogger logger, string device, int index);

    [LoggerMessage(4, LogLevel.Error, "Device {Device} is gone or was made anew, and programs or routes know it by its number: restart the agent when it is there again")]
    private static partial void LogRestart(ILogger logger, string device);
}
