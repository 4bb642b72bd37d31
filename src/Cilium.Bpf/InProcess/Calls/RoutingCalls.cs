using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Asks the routes of the packet's namespace (<c>struct bpf_fib_lookup</c>, Linux 6.18 include/uapi/linux/bpf.h).</summary>
internal static unsafe class RoutingCalls
{
    private const int Bytes = 64;
    private const int TotalLength = 6;
    private const int Ifindex = 8;
    private const int Source = 16;
    private const int Destination = 32;
    private const int SourceMac = 52;
    private const int DestinationMac = 58;
    private const byte InternetFamily = 2;
    private const byte Internet6Family = 10;
    private const ulong Output = 2;
    private const ulong SkipNeighbour = 4;
    private const ulong WantSource = 16;
    private const ulong Flags = 0x3F;
    private const int NoFamilySupport = 97;

    internal static ulong Lookup(Machine m, ulong context, ulong parameters, ulong length, ulong flags, ulong e)
    {
        var packet = SkbCalls.PacketOf(m, context);
        if ((uint)length < Bytes || (flags & ~Flags) != 0)
            return unchecked((ulong)-Errno.Invalid);
        var whole = new Span<byte>(m.Write(parameters, (uint)length, 2), Bytes);
        if (whole[0] is not (InternetFamily or Internet6Family))
            return unchecked((ulong)-NoFamilySupport);
        if (packet.Routing is not { } routing)
            return (ulong)BpfRoutingResult.NotForwarded;
        var isIpv6 = whole[0] == Internet6Family;
        var addressBytes = isIpv6 ? 16 : 4;
        var ifindex = MemoryMarshal.Read<uint>(whole[Ifindex..]);
        var query = new BpfRoutingQuery
        {
            IsIpv6 = isIpv6,
            Ifindex = ifindex,
            PacketBytes = MemoryMarshal.Read<ushort>(whole[TotalLength..]),
            IsForOutput = (flags & Output) != 0,
            SkipsNeighbour = (flags & SkipNeighbour) != 0,
            WantsSource = (flags & WantSource) != 0,
            Source = whole.Slice(Source, addressBytes),
            Destination = whole.Slice(Destination, addressBytes),
            SourceMac = whole.Slice(SourceMac, 6),
            DestinationMac = whole.Slice(DestinationMac, 6),
        };
        var result = routing.Lookup(ref query);
        MemoryMarshal.Write(whole[Ifindex..], query.Ifindex);
        if (query.Mtu != 0)
            BinaryPrimitives.WriteUInt16LittleEndian(whole[TotalLength..], (ushort)Math.Min(query.Mtu, ushort.MaxValue));
        return (ulong)result;
    }
}
