using Cilium.Bpf;
using Cilium.Core;
using Cilium.Datapath.Endpoints;
using Cilium.Datapath.Kernel;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Nodes;

/// <summary>Pods' devices on a virtual node.</summary>
/// <param name="host">The node's first namespace.</param>
/// <param name="loaded">The programs.</param>
/// <param name="hasRoutes">Whether each pod has routes of its own (<c>enable-endpoint-routes</c>).</param>
internal sealed class VirtualPodDevices(VirtualNamespace host, LoadedDatapath loaded, bool hasRoutes) : IPodDevices
{
    private const string PodDevicePrefix = "lxc";
    private readonly Dictionary<EndpointId, int> _attached = [];

    /// <inheritdoc/>
    public void Attach(EndpointRow row, EndpointRow? before)
    {
        var device = host.InterfaceOrNull((uint)row.InterfaceIndex)
            ?? throw new KernelException("attach", NoDevice, $"{row.InterfaceName} of {host.Name}");
        if (!_attached.TryGetValue(row.Id, out var present) || present != row.InterfaceIndex)
        {
            device.Attach(loaded.Program("cil_from_container"), TcDirection.Ingress);
            device.Attach(loaded.Program("cil_to_container"), TcDirection.Egress);
            _attached[row.Id] = row.InterfaceIndex;
        }
        if (!hasRoutes)
            return;
        foreach (var address in new[] { row.IPv4, row.IPv6 }.Where(address => !address.IsNone))
            host.Routes.Add(new VirtualRoute { Destination = Prefix.Of(address), Interface = device });
        foreach (var address in before is null ? [] : new[] { before.IPv4, before.IPv6 }.Where(old => !old.IsNone && old != row.IPv4 && old != row.IPv6))
            host.Routes.Remove(Prefix.Of(address));
    }

    /// <inheritdoc/>
    public void Remove(EndpointRow row)
    {
        _attached.Remove(row.Id);
        if (host.InterfaceOrNull((uint)row.InterfaceIndex) is { } device && device.Name == row.InterfaceName)
            host.Remove(device);
    }

    /// <inheritdoc/>
    public void RemoveDevice(int ifindex)
    {
        if (host.InterfaceOrNull((uint)ifindex) is { } device && device.Name.StartsWith(PodDevicePrefix, StringComparison.Ordinal))
            host.Remove(device);
    }

    /// <inheritdoc/>
    public void Prune(IReadOnlyCollection<EndpointRow> endpoints)
    {
        var wanted = endpoints.Select(row => row.Id).ToHashSet();
        foreach (var id in _attached.Keys.Where(id => !wanted.Contains(id)).ToArray())
            _attached.Remove(id);
    }

    private const int NoDevice = 19;
}
