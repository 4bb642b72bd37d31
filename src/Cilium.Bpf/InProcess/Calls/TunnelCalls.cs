using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Cilium.Bpf.InProcess.Contexts;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>The metadata of tunnel devices (<c>struct bpf_tunnel_key</c>).</summary>
internal static unsafe class TunnelCalls
{
    private const int KeyBytes = 44;
    private const int Remote = 4;
    private const int Tos = 20;
    private const int Ttl = 21;
    private const int Extension = 22;
    private const int Label = 24;
    private const int Local = 28;
    private const uint LabelMask = 0x000FFFFF;

    private const ulong Ipv6 = 1;
    private const ulong Flags = 1 << 4;
    private const ulong SettableFlags = 0b1_1111 | (1 << 5);

    internal static ulong Get(Machine m, ulong context, ulong key, ulong bytes, ulong flags, ulong e)
    {
        var packet = SkbCalls.PacketOf(m, context);
        var length = (int)Math.Min((uint)bytes, KeyBytes);
        var place = m.Write(key, (uint)bytes, 2);
        ref readonly var tunnel = ref packet.TunnelState;
        var error = !tunnel.Exists || (flags & ~(Ipv6 | Flags)) != 0 || (uint)bytes is not (KeyBytes or Local or Label or Extension or 20 or 8) ? Errno.Invalid
            : tunnel.IsIpv6 != ((flags & Ipv6) != 0) ? Errno.Protocol
            : 0;
        if (error != 0)
        {
            new Span<byte>(place, (int)(uint)bytes).Clear();
            return (ulong)(long)-error;
        }
        var whole = stackalloc byte[KeyBytes];
        new Span<byte>(whole, KeyBytes).Clear();
        Unsafe.WriteUnaligned(whole, (uint)tunnel.Id);
        whole[Tos] = tunnel.Tos;
        whole[Ttl] = tunnel.Ttl;
        if ((flags & Flags) != 0)
            Unsafe.WriteUnaligned(whole + Extension, tunnel.Flags);
        if (tunnel.IsIpv6)
        {
            ((ReadOnlySpan<byte>)tunnel.Source).CopyTo(new Span<byte>(whole + Remote, 16));
            ((ReadOnlySpan<byte>)tunnel.Destination).CopyTo(new Span<byte>(whole + Local, 16));
            Unsafe.WriteUnaligned(whole + Label, BinaryPrimitives.ReverseEndianness(tunnel.Label));
        }
        else
        {
            Unsafe.WriteUnaligned(whole + Remote, BinaryPrimitives.ReadUInt32BigEndian(tunnel.Source));
            Unsafe.WriteUnaligned(whole + Local, BinaryPrimitives.ReadUInt32BigEndian(tunnel.Destination));
        }
        new ReadOnlySpan<byte>(whole, length).CopyTo(new Span<byte>(place, length));
        return 0;
    }

    internal static ulong Set(Machine m, ulong context, ulong key, ulong bytes, ulong flags, ulong e)
    {
        var packet = SkbCalls.PacketOf(m, context);
        var place = m.Read(key, (uint)bytes, 2);
        if ((flags & ~SettableFlags) != 0 || (uint)bytes is not (KeyBytes or Local or Label or Extension or 20 or 8))
            return unchecked((ulong)-Errno.Invalid);
        var whole = stackalloc byte[KeyBytes];
        new Span<byte>(whole, KeyBytes).Clear();
        new ReadOnlySpan<byte>(place, (int)(uint)bytes).CopyTo(new Span<byte>(whole, KeyBytes));
        var label = Unsafe.ReadUnaligned<uint>(whole + Label);
        if ((flags & Ipv6) == 0 && (label & ~LabelMask) != 0 || Unsafe.ReadUnaligned<ushort>(whole + Extension) != 0)
            return unchecked((ulong)-Errno.Invalid);
        var tunnel = new TunnelState
        {
            Exists = true,
            IsTransmit = true,
            IsIpv6 = (flags & Ipv6) != 0,
            Id = Unsafe.ReadUnaligned<uint>(whole),
            Tos = whole[Tos],
            Ttl = whole[Ttl],
            Label = label & LabelMask,
        };
        if (tunnel.IsIpv6)
        {
            new ReadOnlySpan<byte>(whole + Remote, 16).CopyTo(tunnel.Destination);
            new ReadOnlySpan<byte>(whole + Local, 16).CopyTo(tunnel.Source);
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(tunnel.Destination, Unsafe.ReadUnaligned<uint>(whole + Remote));
            BinaryPrimitives.WriteUInt32BigEndian(tunnel.Source, Unsafe.ReadUnaligned<uint>(whole + Local));
        }
        packet.TunnelState = tunnel;
        return 0;
    }
}
