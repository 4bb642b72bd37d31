using Cilium.Bpf;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Nodes;
using Cilium.Datapath.Policies;
using Cilium.Netlink;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath.Devices;

/// <summary>
/// Keeps the programs told which addresses are the node's own: those of its devices and the gateway's, and which of them pods have that leave
/// by a native device. IPv6 link-local addresses are not told; they never leave their link.
/// </summary>
internal sealed partial class HostAddresses : IDisposable
{
    private const int Loopback = 1;
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);
    private readonly DatapathMaps _maps;
    private readonly LocalNodeRow _node;
    private readonly HashSet<string> _underlay;
    private readonly NodeNamespace _ns;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    internal HostAddresses(
        DatapathMaps maps, LocalNodeRow node, IReadOnlyList<Link> underlay, NodeNamespace ns, TimeProvider time, ILogger logger)
    {
        _maps = maps;
        _node = node;
        _underlay = underlay.Select(link => link.Name).ToHashSet();
        _ns = ns;
        _time = time;
        _logger = logger;
        // Watching begins before the first reading, so that no change falls between them.
        var monitor = ns.OpenMonitor(NetworkWatches.Addresses);
        try
        {
            using var netlink = ns.OpenNetlink();
            Write(netlink);
        }
        catch (Exception)
        {
            monitor.Dispose();
            throw;
        }
        _loop = Task.Run(() => WatchAsync(monitor));
    }

    /// <summary>Stops watching; the rows stay.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _loop.GetAwaiter().GetResult();
        _stop.Dispose();
    }

    private async Task WatchAsync(NetworkMonitor? monitor)
    {
        try
        {
            while (true)
            {
                try
                {
                    await FollowAsync(monitor).ConfigureAwait(false);
                }
                catch (Exception failure) when (failure is NetlinkException or KernelException or MapFullException)
                {
                    LogFailed(_logger, failure.Message);
                }
                monitor = null;
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
    private async Task FollowAsync(NetworkMonitor? monitor)
    {
        var isNew = monitor is null;
        using var watch = monitor ?? _ns.OpenMonitor(NetworkWatches.Addresses);
        using var netlink = _ns.OpenNetlink();
        if (isNew)
            Write(netlink);
        await foreach (var change in watch.ReadAllAsync(_stop.Token).ConfigureAwait(false))
        {
            if (change.WasLost || change.Address is { Address.IsIPv6LinkLocal: false })
                Write(netlink);
        }
    }

    // What is masqueraded with an address must be known as the node's when the answer comes.
    private void Write(RouteNetlink netlink)
    {
        var addresses = netlink.Addresses().Where(address => address.LinkIndex != Loopback && !address.Address.IsIPv6LinkLocal).ToList();
        WriteTo(_maps, addresses
            .Select(address => IpAddr.FromIPAddress(address.Address))
            .Concat([_node.IPv4, _node.IPv6, _node.RouterIPv4, _node.RouterIPv6]));
        // By name: a device that was made anew has another number.
        MasqueradeAddresses.WriteTo(
            _maps.DeviceAddresses, _node, netlink.Links().Where(link => _underlay.Contains(link.Name)).Select(link => link.Index), addresses);
    }

    /// <summary>Makes these, and no others, the node's own addresses.</summary>
    /// <exception cref="MapFullException">Not all of them have a place beside the pods'.</exception>
    internal static void WriteTo(DatapathMaps maps, IEnumerable<IpAddr> own)
    {
        var row = new EndpointRow(
            Identity.Host.Value, 0, EndpointFlags.Present | EndpointFlags.Host, PolicySlots.NoPolicy, 0, default, default, 0, default, default);
        var addresses = own.Where(address => !address.IsNone).Select(address => address.ToMap()).ToHashSet();
        // What has no place yet may have one when others are gone.
        var late = addresses.Where(address => maps.Endpoints.Update(address, row) != MapStatus.Ok).ToArray();
        foreach (var (address, present) in maps.Endpoints.ToDictionary())
        {
            if ((present.Flags & EndpointFlags.Host) != 0 && !addresses.Contains(address))
                maps.Endpoints.Delete(address);
        }
        if (late.Length > 0)
            MapFullException.ThrowIfShort(maps.Endpoints, late, Enumerable.Repeat(row, late.Length).ToArray());
    }

    [LoggerMessage(1, LogLevel.Warning, "Following the node's addresses failed, trying again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);
}
