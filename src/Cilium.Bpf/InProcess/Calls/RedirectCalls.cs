using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Ways out of a hook. The packet keeps where it goes; whoever runs the program takes it there.</summary>
internal static unsafe class RedirectCalls
{
    private const ulong Shot = 2;
    private const ulong Redirected = 7;
    private const ulong XdpAborted = 0;
    private const ulong XdpRedirected = 4;
    private const ulong IntoIngress = 1;
    private const int NeighbourBytes = 20;

    internal static ulong Redirect(Machine m, ulong ifindex, ulong flags, ulong c, ulong d, ulong e)
    {
        var isXdp = m.Program.Type == ProgramType.Xdp;
        if ((flags & ~(isXdp ? 0 : IntoIngress)) != 0)
            return isXdp ? XdpAborted : Shot;
        m.Packet!.Redirect = new BpfRedirect((flags & IntoIngress) != 0 ? RedirectKind.Ingress : RedirectKind.Egress, (uint)ifindex);
        return isXdp ? XdpRedirected : Redirected;
    }

    internal static ulong Peer(Machine m, ulong ifindex, ulong flags, ulong c, ulong d, ulong e)
    {
        if (flags != 0)
            return Shot;
        m.Packet!.Redirect = new BpfRedirect(RedirectKind.Peer, (uint)ifindex);
        return Redirected;
    }

    internal static ulong Neighbour(Machine m, ulong ifindex, ulong parameters, ulong length, ulong flags, ulong e)
    {
        if (flags != 0 || (length != 0 && (uint)length < NeighbourBytes))
            return Shot;
        m.Packet!.Redirect = new BpfRedirect(RedirectKind.Neighbour, (uint)ifindex) { NextHop = length == 0 ? null : HopAt(m.Read(parameters, (uint)length, 2)) };
        return Redirected;
    }

    private static BpfNextHop HopAt(byte* parameters)
    {
        var family = Unsafe.ReadUnaligned<uint>(parameters);
        var address = new ReadOnlySpan<byte>(parameters + sizeof(uint), NeighbourBytes - sizeof(uint));
        return new BpfNextHop(family, family == BpfNextHop.IPv4 ? BinaryPrimitives.ReadUInt32BigEndian(address) : BinaryPrimitives.ReadUInt128BigEndian(address));
    }
}
