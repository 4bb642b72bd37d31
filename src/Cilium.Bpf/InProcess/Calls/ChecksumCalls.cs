using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Checksums of a packet.</summary>
internal static unsafe class ChecksumCalls
{
    private const ulong SizeMask = 15;
    private const ulong PseudoHeader = 1 << 4;
    private const ulong MangledZero = 1 << 5;
    private const ulong Enforce = 1 << 6;
    private const ulong Ipv6 = 1 << 7;

    internal static ulong ReplaceL3(Machine m, ulong context, ulong offset, ulong from, ulong to, ulong flags)
    {
        if ((flags & ~SizeMask) != 0)
            return unchecked((ulong)-Errno.Invalid);
        var place = Place(m, context, (uint)offset);
        if (place == null)
            return unchecked((ulong)-Errno.Fault);
        switch (flags & SizeMask)
        {
            case 0 when from == 0: Checksum.ReplaceByDifference(place, (uint)to); return 0;
            case 2: Checksum.Replace2(place, (ushort)from, (ushort)to); return 0;
            case 4: Checksum.Replace4(place, (uint)from, (uint)to); return 0;
            default: return unchecked((ulong)-Errno.Invalid);
        }
    }

    internal static ulong ReplaceL4(Machine m, ulong context, ulong offset, ulong from, ulong to, ulong flags)
    {
        if ((flags & ~(SizeMask | PseudoHeader | MangledZero | Enforce | Ipv6)) != 0)
            return unchecked((ulong)-Errno.Invalid);
        var place = Place(m, context, (uint)offset);
        if (place == null)
            return unchecked((ulong)-Errno.Fault);
        var keepsZero = (flags & MangledZero) != 0;
        if (keepsZero && (flags & Enforce) == 0 && Checksum.Read(place) == 0)
            return 0;
        var isPseudo = (flags & PseudoHeader) != 0;
        var isPartial = m.Packet!.HasPartialChecksum;
        switch (flags & SizeMask)
        {
            case 0 when from == 0:
                if (!isPartial)
                    Checksum.ReplaceByDifference(place, (uint)to);
                else if (isPseudo)
                    Checksum.Write(place, (ushort)~Checksum.Fold(Checksum.Add((uint)to, Checksum.Read(place))));
                break;
            case 2:
                Replace(place, (ushort)from, (ushort)to, isPartial, isPseudo);
                break;
            case 4:
                Replace(place, (uint)from, (uint)to, isPartial, isPseudo);
                break;
            default:
                return unchecked((ulong)-Errno.Invalid);
        }
        if (keepsZero && Checksum.Read(place) == 0)
            Checksum.Write(place, 0xFFFF);
        return 0;
    }

    internal static ulong Difference(Machine m, ulong from, ulong fromBytes, ulong to, ulong toBytes, ulong seed)
    {
        var (old, now) = ((uint)fromBytes, (uint)toBytes);
        if (((old | now) & 3) != 0)
            return unchecked((ulong)-Errno.Invalid);
        var oldPlace = old == 0 ? null : m.Read(from, old, 1);
        var nowPlace = now == 0 ? null : m.Read(to, now, 3);
        var sum = (uint)seed;
        if (old != 0 && now != 0)
            sum = Checksum.Subtract(Checksum.Partial(nowPlace, (int)now, sum), Checksum.Partial(oldPlace, (int)old, 0));
        else if (now != 0)
            sum = Checksum.Partial(nowPlace, (int)now, sum);
        else if (old != 0)
            sum = ~Checksum.Partial(oldPlace, (int)old, ~sum);
        return Checksum.To16(sum);
    }

    /// <summary>Only for packets whose device summed them up, which these are not.</summary>
    internal static ulong Update(Machine m, ulong context, ulong sum, ulong c, ulong d, ulong e)
    {
        _ = SkbCalls.PacketOf(m, context);
        return unchecked((ulong)-Errno.NotSupported);
    }

    private static void Replace(byte* place, uint from, uint to, bool isPartial, bool isPseudo)
    {
        if (!isPartial)
            Checksum.Replace4(place, from, to);
        else if (isPseudo)
            Checksum.Write(place, (ushort)~Checksum.Fold(Checksum.Add(Checksum.Subtract(Checksum.Read(place), from), to)));
    }

    private static byte* Place(Machine m, ulong context, uint offset)
    {
        var packet = SkbCalls.PacketOf(m, context);
        return offset <= 0xFFFF && (offset & 1) == 0 && offset + 2 <= (uint)packet.Length ? packet.Data + offset : null;
    }
}
