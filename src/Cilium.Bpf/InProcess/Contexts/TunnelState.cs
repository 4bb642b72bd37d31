using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Cilium.Bpf.InProcess.Contexts;

/// <summary>The tunnel metadata of a packet. Addresses as on the wire; IPv4 in the first four bytes.</summary>
internal struct TunnelState
{
    internal bool Exists;
    internal bool IsIpv6;

    /// <summary>Set by a program for sending; otherwise it came with the packet.</summary>
    internal bool IsTransmit;

    internal ulong Id;
    internal Address16 Source;
    internal Address16 Destination;
    internal byte Tos;
    internal byte Ttl;
    internal uint Label;
    internal ushort Flags;

    [InlineArray(16)]
    internal struct Address16
    {
        private byte _first;
    }

    internal static TunnelState From(BpfTunnelKey key)
    {
        var state = new TunnelState
        {
            Exists = true,
            IsIpv6 = key.Remote.AddressFamily == AddressFamily.InterNetworkV6,
            Id = key.Id,
            Ttl = key.Ttl,
            Tos = key.Tos,
        };
        // Metadata of a received packet: the remote end is its source.
        _ = key.Remote.TryWriteBytes(state.Source, out _);
        _ = key.Local?.TryWriteBytes(state.Destination, out _);
        return state;
    }

    internal readonly BpfTunnelKey ToKey()
    {
        var length = IsIpv6 ? 16 : 4;
        ReadOnlySpan<byte> source = Source;
        ReadOnlySpan<byte> destination = Destination;
        var remote = IsTransmit ? destination : source;
        var here = (IsTransmit ? source : destination)[..length];
        return new BpfTunnelKey((uint)Id, new IPAddress(remote[..length]), here.ContainsAnyExcept((byte)0) ? new IPAddress(here) : null, Ttl, Tos);
    }
}
