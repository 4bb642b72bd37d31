using System.Numerics;
using Cilium.Core;
using Cilium.Datapath.Nodes;

namespace Cilium.Datapath;

/// <summary>How much of the packet stream is told to observers; names are upstream's.</summary>
public enum MonitorAggregation
{
    /// <summary>Every packet at every point.</summary>
    None = 0,

    /// <summary>No from-* points.</summary>
    Low = 2,

    /// <summary>One event per new connection, new TCP flag, or interval and direction.</summary>
    Medium = 3,
}

/// <summary>What is constant in the programs of a node: written to .rodata before they are loaded.</summary>
public sealed class DatapathOptions
{
    private const int LongestPayload = 128;

    /// <summary>The programs count whole seconds.</summary>
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(1);

    /// <summary>Where maps and links are pinned; a bpffs. Key <c>bpf-root</c>.</summary>
    public string BpfRoot { get; set; } = "/sys/fs/bpf";

    /// <summary>The cgroup v2 folder under which pods and host processes of this node live. Key <c>cgroup-root</c>.</summary>
    public string CgroupRoot { get; set; } = "/run/cilium/cgroupv2";

    /// <summary>Key <c>enable-ipv4</c>.</summary>
    public bool EnableIPv4 { get; set; } = true;

    /// <summary>Key <c>enable-ipv6</c>.</summary>
    public bool EnableIPv6 { get; set; }

    /// <summary>True for VXLAN between nodes, false for native routing. Key <c>routing-mode</c>.</summary>
    public bool EnableTunnel { get; set; } = true;

    /// <summary>A route per pod in place of one per range through cilium_host. Key <c>enable-endpoint-routes</c>.</summary>
    public bool EnableEndpointRoutes { get; set; }

    /// <summary>Routes to other nodes' pods through those nodes' addresses on the same link. Key <c>auto-direct-node-routes</c>.</summary>
    public bool EnableDirectNodeRoutes { get; set; }

    /// <summary>True for a tunnel over the nodes' IPv6 addresses although they have IPv4 ones. Key <c>underlay-protocol</c>.</summary>
    public bool PrefersIPv6Underlay { get; set; }

    /// <summary>UDP port of the tunnel. Key <c>tunnel-port</c>.</summary>
    public ushort TunnelPort { get; set; } = 8472;

    /// <summary>
    /// Put VXLAN headers on and take them off in the programs, where a pod's packet allows it, instead of in the tunnel device. The same on the
    /// wire. Needs one underlay device with an IPv4 address by which all nodes are reached. Key <c>bpf-encapsulation</c> (not upstream's).
    /// </summary>
    public bool EncapsulateDirectly { get; set; } = true;

    /// <summary>Underlay devices; empty to take those with the default route or the node's address. Key <c>devices</c>.</summary>
    public IReadOnlyList<string> Devices { get; set; } = [];

    /// <summary>Underlay MTU; 0 to take the device's. Key <c>mtu</c>.</summary>
    public int Mtu { get; set; }

    /// <summary>Masquerade pods to the outside with the node's IPv4 address. Key <c>enable-ipv4-masquerade</c>.</summary>
    public bool EnableIPv4Masquerade { get; set; } = true;

    /// <summary>Masquerade pods to the outside with the node's IPv6 address. Key <c>enable-ipv6-masquerade</c>.</summary>
    public bool EnableIPv6Masquerade { get; set; } = true;

    /// <summary>Destinations that are not masqueraded beside pods and nodes; one of each family at most, and not <c>::/0</c>. Keys <c>ipv4-native-routing-cidr</c>, <c>ipv6-native-routing-cidr</c>.</summary>
    public IReadOnlyList<Prefix> NativeRoutingPrefixes { get; set; } = [];

    /// <summary>Translate service addresses at socket calls. Key <c>bpf-lb-sock</c>.</summary>
    public bool EnableSocketLoadBalancing { get; set; } = true;

    /// <summary>Serve node ports, load balancer addresses and external addresses to clients outside the cluster. Key <c>enable-node-port</c>.</summary>
    public bool EnableNodePort { get; set; }

    /// <summary>Answer traffic to services without backends with an error (true) or drop it. Key <c>service-no-backend-response</c>.</summary>
    public bool RejectServiceWithoutBackend { get; set; } = true;

    /// <summary>Key <c>monitor-aggregation</c>.</summary>
    public MonitorAggregation MonitorAggregation { get; set; } = MonitorAggregation.Medium;

    /// <summary>Key <c>monitor-aggregation-interval</c>.</summary>
    public TimeSpan MonitorAggregationInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Emit drop events. Key <c>bpf-events-drop-enabled</c>.</summary>
    public bool EnableDropEvents { get; set; } = true;

    /// <summary>Emit trace events. Key <c>bpf-events-trace-enabled</c>.</summary>
    public bool EnableTraceEvents { get; set; } = true;

    /// <summary>Emit policy verdict events. Key <c>bpf-events-policy-verdict-enabled</c>.</summary>
    public bool EnablePolicyVerdictEvents { get; set; } = true;

    /// <summary>Emit events of translated socket calls. Key <c>trace-sock</c>.</summary>
    public bool EnableSocketEvents { get; set; } = true;

    /// <summary>Key <c>bpf-ct-timeout-regular-tcp</c>.</summary>
    public TimeSpan ConntrackTimeoutTcp { get; set; } = TimeSpan.FromSeconds(8000);

    /// <summary>Key <c>bpf-ct-timeout-regular-tcp-syn</c>.</summary>
    public TimeSpan ConntrackTimeoutTcpSyn { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Key <c>bpf-ct-timeout-regular-tcp-fin</c>.</summary>
    public TimeSpan ConntrackTimeoutTcpFin { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Key <c>bpf-ct-timeout-regular-any</c>.</summary>
    public TimeSpan ConntrackTimeoutAny { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Entries of the conntrack map. See <see cref="MapSizing"/>.</summary>
    public uint ConntrackEntries { get; set; } = 524288;

    /// <summary>Entries of the map of translated connections. See <see cref="MapSizing"/>.</summary>
    public uint SnatEntries { get; set; } = 524288;

    /// <summary>
    /// Sockets connected to services that are known to the node: entries of the map of those other than TCP, and, rounded up to a power of two, slots for
    /// those of TCP. At most 2^24. See <see cref="MapSizing"/>.
    /// </summary>
    public uint SocketRevNatEntries { get; set; } = 65536;

    /// <summary>Entries of one compiled policy. Key <c>bpf-policy-map-max</c>.</summary>
    public uint PolicyEntries { get; set; } = 16384;

    /// <summary>Entries of each service map. Key <c>bpf-lb-map-max</c>.</summary>
    public uint LoadBalancingEntries { get; set; } = 65536;

    /// <summary>Use TCX links where the kernel has them. Key <c>enable-tcx</c>.</summary>
    public bool EnableTcx { get; set; } = true;

    /// <summary>Throws when a value is none that the programs and maps can have, or values contradict each other.</summary>
    /// <exception cref="ArgumentException">Names the option.</exception>
    public void Validate()
    {
        Require(BpfRoot.Length > 0, nameof(BpfRoot), "must be a folder");
        Require(CgroupRoot.Length > 0, nameof(CgroupRoot), "must be a folder");
        Require(EnableIPv4 || EnableIPv6, nameof(EnableIPv4), $"and {nameof(EnableIPv6)} must not both be false");
        Require(!EnableTunnel || TunnelPort != 0, nameof(TunnelPort), "must not be 0 with a tunnel");
        Require(Mtu == 0 || (Mtu >= SmallestMtu && Mtu <= ushort.MaxValue), nameof(Mtu), $"must be 0 or from {SmallestMtu} to {ushort.MaxValue}, not {Mtu}");
        foreach (var isIPv4 in new[] { true, false })
        {
            var prefixes = NativeRoutingPrefixes.Where(prefix => prefix.IsIPv4 == isIPv4).ToList();
            Require(prefixes.Count < 2, nameof(NativeRoutingPrefixes), $"must have one of each family at most, not {string.Join(", ", prefixes)}");
        }
        Require(!NativeRoutingPrefixes.Contains(default), nameof(NativeRoutingPrefixes), $"must not have ::/0: without {nameof(EnableIPv6Masquerade)} nothing is masqueraded");
        foreach (var (name, value, smallest) in new[]
        {
            (nameof(MonitorAggregationInterval), MonitorAggregationInterval, TimeSpan.Zero), (nameof(ConntrackTimeoutTcp), ConntrackTimeoutTcp, s_shortest),
            (nameof(ConntrackTimeoutTcpSyn), ConntrackTimeoutTcpSyn, s_shortest), (nameof(ConntrackTimeoutTcpFin), ConntrackTimeoutTcpFin, s_shortest),
            (nameof(ConntrackTimeoutAny), ConntrackTimeoutAny, s_shortest),
        })
        {
            Require(value >= smallest && value.TotalSeconds < uint.MaxValue, name, $"must be from {smallest} to 2^32 seconds, not {value}");
        }
        foreach (var (name, value) in new[]
        {
            (nameof(ConntrackEntries), ConntrackEntries), (nameof(SnatEntries), SnatEntries), (nameof(SocketRevNatEntries), SocketRevNatEntries),
            (nameof(PolicyEntries), PolicyEntries), (nameof(LoadBalancingEntries), LoadBalancingEntries),
        })
        {
            Require(value > 0, name, "must be at least 1");
        }
        Require(SocketRevNatEntries <= MapSizing.Maximum, nameof(SocketRevNatEntries), $"must be at most {MapSizing.Maximum}, not {SocketRevNatEntries}");
        Require(TracePayloadLength is >= 0 and <= LongestPayload, nameof(TracePayloadLength), $"must be from 0 to {LongestPayload}, not {TracePayloadLength}");
    }

    /// <summary>True when the tunnel runs over IPv6 between nodes with these addresses.</summary>
    public bool TunnelsOverIPv6(IpAddr nodeIPv4, IpAddr nodeIPv6) => nodeIPv4.IsNone || (PrefersIPv6Underlay && !nodeIPv6.IsNone);

    /// <summary>Bytes of a packet that travel with its event. Key <c>trace-payloadlen</c>; at most 128.</summary>
    public int TracePayloadLength { get; set; } = 128;

    internal uint SocketSlots => BitOperations.RoundUpToPowerOf2(SocketRevNatEntries);

    /// <summary>The smallest that hosts must take (RFC 791, RFC 8200), and what a tunnel over IPv4 adds.</summary>
    internal int SmallestMtu => (EnableIPv6 ? 1280 : 576) + (EnableTunnel ? 50 : 0);

    /// <summary>Bytes that encapsulation adds to a packet: 50 over IPv4 and 70 over IPv6 (RFC 7348); 0 without a tunnel.</summary>
    internal int TunnelOverhead(LocalNodeRow node) => !EnableTunnel ? 0 : TunnelsOverIPv6(node.IPv4, node.IPv6) ? 70 : 50;

    /// <summary>What is switched off is as if the node had no address of the family, but for the tunnel, which carries either over either.</summary>
    internal LocalNodeRow OfEnabledFamilies(LocalNodeRow node) => node with
    {
        IPv4 = EnableIPv4 || EnableTunnel ? node.IPv4 : IpAddr.None,
        IPv6 = EnableIPv6 || (EnableTunnel && PrefersIPv6Underlay) ? node.IPv6 : IpAddr.None,
        RouterIPv4 = EnableIPv4 ? node.RouterIPv4 : IpAddr.None,
        RouterIPv6 = EnableIPv6 ? node.RouterIPv6 : IpAddr.None,
        PodPrefixes = node.PodPrefixes.Where(prefix => prefix.IsIPv4 ? EnableIPv4 : EnableIPv6).ToEquatableArray(),
    };

    private static void Require(bool isValid, string option, string what)
    {
        if (!isValid)
            throw new ArgumentException($"{option} {what}");
    }
}
