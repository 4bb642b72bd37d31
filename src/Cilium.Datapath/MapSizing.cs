using System.Runtime.CompilerServices;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath;

/// <summary>
/// Capacities of the maps that hold connections. They grow with the machine's memory, as upstream's do; a capacity that is given stays as given.
/// </summary>
public sealed class MapSizing
{
    internal const uint Maximum = 1 << 24;

    private static readonly Share s_tcp = new(524288, 131072, Unsafe.SizeOf<CtTuple>() + Unsafe.SizeOf<CtEntry>());
    private static readonly Share s_any = new(262144, 65536, Unsafe.SizeOf<CtTuple>() + Unsafe.SizeOf<CtEntry>());
    private static readonly Share s_snat = new(524288, 131072, Unsafe.SizeOf<SnatKey>() + Unsafe.SizeOf<SnatValue>());
    private static readonly Share s_socket = new(262144, 65536, Unsafe.SizeOf<SocketRevNatKey>() + Unsafe.SizeOf<SocketRevNatValue>());

    /// <summary>
    /// The part of the machine's memory that keys and values of these maps together may take when full, 0 to 1; 0 for fixed capacities.
    /// Key <c>bpf-map-dynamic-size-ratio</c>.
    /// </summary>
    public double Ratio { get; set; } = 0.0025;

    /// <summary>TCP connections, if given. Key <c>bpf-ct-global-tcp-max</c>.</summary>
    public uint? ConntrackTcp { get; set; }

    /// <summary>Other connections, if given; one map holds them with those of TCP. Key <c>bpf-ct-global-any-max</c>.</summary>
    public uint? ConntrackAny { get; set; }

    /// <summary>Translated connections, if given. Key <c>bpf-nat-global-max</c>.</summary>
    public uint? Snat { get; set; }

    /// <summary>Sockets connected to services, if given. Key <c>bpf-sock-rev-map-max</c>.</summary>
    public uint? SocketRevNat { get; set; }

    /// <summary>Writes the capacities for a machine.</summary>
    /// <param name="options">Where to write them.</param>
    /// <param name="memoryBytes">The machine's memory in bytes.</param>
    public void ApplyTo(DatapathOptions options, long memoryBytes)
    {
        var factor = Ratio > 0 ? memoryBytes * Ratio / (s_tcp.Bytes + s_any.Bytes + s_snat.Bytes + s_socket.Bytes) : 1;
        options.ConntrackEntries = (ConntrackTcp ?? s_tcp.Scaled(factor)) + (ConntrackAny ?? s_any.Scaled(factor));
        // Each translated connection is a connection, too: more of them than two thirds of those would never be used.
        options.SnatEntries = Snat ?? Math.Min(s_snat.Scaled(factor), options.ConntrackEntries / 3 * 2);
        options.SocketRevNatEntries = SocketRevNat ?? s_socket.Scaled(factor);
    }

    // Entries at factor 1, the fewest, and the bytes of one.
    private readonly record struct Share(uint Entries, uint Minimum, int EntryBytes)
    {
        public double Bytes => (double)Entries * EntryBytes;

        public uint Scaled(double factor) => (uint)Math.Clamp(Entries * factor, Minimum, Maximum);
    }
}
