using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>What programs on socket calls learn about the socket and its process.</summary>
internal static class SocketCalls
{
    internal static ulong Cookie(Machine m, ulong context, ulong b, ulong c, ulong d, ulong e) => m.SocketAddress?.Cookie ?? 0;

    internal static ulong CgroupId(Machine m, ulong a, ulong b, ulong c, ulong d, ulong e) => m.SocketAddress!.CgroupId;

    internal static ulong NetnsCookie(Machine m, ulong context, ulong b, ulong c, ulong d, ulong e) => context == 0 ? 1 : m.SocketAddress!.NetnsCookie;

    internal static ulong GetReturnValue(Machine m, ulong a, ulong b, ulong c, ulong d, ulong e) => (ulong)(long)m.SocketAddress!.ReturnValue;

    internal static ulong SetReturnValue(Machine m, ulong value, ulong b, ulong c, ulong d, ulong e)
    {
        m.SocketAddress!.ReturnValue = (int)value;
        return 0;
    }
}
