using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Nodes;
using Cilium.Datapath.Policies;
using Cilium.Netlink;

namespace Cilium.Datapath.Devices;

/// <summary>
/// Keeps the programs told which addresses are the node's own: those of its devices and the gateway's. IPv6 link-local addresses are
/// not told; they never leave their link.
/// </summary>
internal sealed class HostAddresses : IDisposable
{
    private const int Loopback = 1;
    private readonly DatapathMaps _maps;
    private readonly LocalNodeRow _node;
    private readonly RouteNetlink _netlink;
    private readonly NetworkMonitor _monitor;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    internal HostAddresses(DatapathMaps maps, LocalNodeRow node, NodeNamespace ns)
    {
        _maps = maps;
        _node = node;
        _netlink = ns.OpenNetlink();
        // Watching begins before the first reading, so that no change falls between them.
        _monitor = ns.OpenMonitor(NetworkWatches.Addresses);
        Write();
        _loop = Task.Run(WatchAsync);
    }

    /// <summary>Stops watching; the rows stay.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _monitor.Dispose();
        _loop.GetAwaiter().GetResult();
        _netlink.Dispose();
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            await foreach (var change in _monitor.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                if (change.WasLost || change.Address is { Address.IsIPv6LinkLocal: false })
                    Write();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The datapath stops.
            return;
        }
    }

    private void Write() => WriteTo(_maps, _netlink.Addresses()
        .Where(address => address.LinkIndex != Loopback && !address.Address.IsIPv6LinkLocal)
        .Select(address => IpAddr.FromIPAddress(address.Address))
        .Concat([_node.IPv4, _node.IPv6, _node.RouterIPv4, _node.RouterIPv6]));

    /// <summary>Makes these, and no others, the node's own addresses.</summary>
    internal static void WriteTo(DatapathMaps maps, IEnumerable<IpAddr> own)
    {
        var row = new EndpointRow(
            Identity.Host.Value, 0, EndpointFlags.Present | EndpointFlags.Host, PolicySlots.NoPolicy, 0, default, default, 0, default, default);
        var addresses = own.Where(address => !address.IsNone).Select(address => address.ToMap()).ToHashSet();
        foreach (var address in addresses)
            maps.Endpoints.Update(address, row);
        foreach (var (address, present) in maps.Endpoints.ToDictionary())
        {
            if ((present.Flags & EndpointFlags.Host) != 0 && !addresses.Contains(address))
                maps.Endpoints.Delete(address);
        }
    }
}
