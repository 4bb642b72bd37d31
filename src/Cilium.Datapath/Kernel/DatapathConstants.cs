using Cilium.Bpf;
using Cilium.Core;
using Cilium.Datapath.Devices;
using Cilium.Datapath.Nodes;

namespace Cilium.Datapath.Kernel;

/// <summary>The values of the programs' constants (bpf/lib/config.h) for this node.</summary>
internal sealed class DatapathConstants
{
    private readonly Dictionary<string, byte[]> _values = [];

    internal DatapathConstants(DatapathOptions options, LocalNodeRow node, NodeNetwork network, bool hasSetReturnValue)
    {
        // A single family has one world; two families have one each, as upstream tells them apart.
        var isDual = options.EnableIPv4 && options.EnableIPv6;
        Set("enable_ipv4", options.EnableIPv4);
        Set("enable_ipv6", options.EnableIPv6);
        Set("node_ipv4", node.IPv4);
        Set("node_ipv6", node.IPv6);
        Set("router_ipv4", node.RouterIPv4);
        Set("router_ipv6", node.RouterIPv6);
        Set("world_ipv4_identity", isDual ? Identity.WorldIPv4.Value : Identity.World.Value);
        Set("world_ipv6_identity", isDual ? Identity.WorldIPv6.Value : Identity.World.Value);
        Set("host_identity", Identity.Host.Value);
        Set("host_tunnel_identity", Identity.RemoteNode.Value);
        Set("cilium_host_ifindex", (uint)network.Host.Index);
        Set("overlay_ifindex", (uint)(network.Tunnel?.Index ?? 0));
        Set("enable_tunnel", options.EnableTunnel);
        var isOverIPv6 = options.TunnelsOverIPv6(node.IPv4, node.IPv6);
        Set("tunnel_over_ipv6", isOverIPv6);
        Set("tunnel_port", options.TunnelPort);
        Set("underlay_ifindex", Encapsulates(options, node, network) ? (uint)network.Underlay[0].Index : 0u);
        Set("underlay_mtu", (uint)network.DeviceMtu);
        Set("enable_socket_lb", options.EnableSocketLoadBalancing);
        Set("socket_slot_mask", options.SocketSlots - 1);
        Set("enable_set_retval", hasSetReturnValue);
        Set("enable_node_port", options.EnableNodePort);
        Set("several_devices", network.Underlay.Count > 1);
        Set("reject_no_backend", options.RejectServiceWithoutBackend);
        Set("enable_masquerade_ipv4", options.EnableIPv4 && options.EnableIPv4Masquerade && !node.IPv4.IsNone);
        Set("enable_masquerade_ipv6", options.EnableIPv6 && options.EnableIPv6Masquerade && !node.IPv6.IsNone);
        foreach (var prefix in options.NativeRoutingPrefixes)
        {
            var family = prefix.IsIPv4 ? "ipv4" : "ipv6";
            Set($"native_{family}_cidr", prefix.Address);
            Set($"native_{family}_prefix", (uint)prefix.Length128);
        }
        Set("ct_timeout_tcp", Seconds(options.ConntrackTimeoutTcp));
        Set("ct_timeout_tcp_syn", Seconds(options.ConntrackTimeoutTcpSyn));
        Set("ct_timeout_tcp_closing", Seconds(options.ConntrackTimeoutTcpFin));
        Set("ct_timeout_any", Seconds(options.ConntrackTimeoutAny));
        Set("ct_timeout_service_tcp", Seconds(options.ConntrackTimeoutTcp));
        Set("ct_timeout_service_any", Seconds(options.ConntrackTimeoutAny));
        Set("monitor_aggregation", (byte)options.MonitorAggregation);
        Set("monitor_interval", Seconds(options.MonitorAggregationInterval));
        Set("enable_trace_events", options.EnableTraceEvents);
        Set("enable_drop_events", options.EnableDropEvents);
        Set("enable_verdict_events", options.EnablePolicyVerdictEvents);
        Set("enable_socket_events", options.EnableSocketEvents);
        Set("capture_length", (uint)Math.Clamp(options.TracePayloadLength, 0, 128));
    }

    /// <summary>Values as they lie in memory.</summary>
    internal DatapathConstants(IReadOnlyDictionary<string, byte[]> values)
    {
        foreach (var (name, value) in values)
            _values[name] = value;
    }

    /// <summary>
    /// Whether the programs put tunnel headers on for the only native device, and know its number. Where routing could choose among devices, the
    /// tunnel device asks it; over IPv6, it alone encapsulates.
    /// </summary>
    internal static bool Encapsulates(DatapathOptions options, LocalNodeRow node, NodeNetwork network) =>
        options.EnableTunnel && options.EncapsulateDirectly && !options.TunnelsOverIPv6(node.IPv4, node.IPv6) && network.Underlay.Count == 1;

    internal void WriteTo(BpfObject obj)
    {
        foreach (var (name, value) in _values)
            obj.TrySetConstant(name, value);
    }

    private static uint Seconds(TimeSpan time) => (uint)Math.Ceiling(time.TotalSeconds);

    private void Set(string name, bool value) => _values[name] = [value ? (byte)1 : (byte)0];

    private void Set(string name, byte value) => _values[name] = [value];

    private void Set(string name, ushort value) => _values[name] = BitConverter.GetBytes(value);

    private void Set(string name, uint value) => _values[name] = BitConverter.GetBytes(value);

    private void Set(string name, IpAddr value)
    {
        var bytes = new byte[16];
        value.WriteNetworkBytes(bytes);
        _values[name] = bytes;
    }
}
