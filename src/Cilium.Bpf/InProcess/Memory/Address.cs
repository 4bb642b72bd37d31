namespace Cilium.Bpf.InProcess.Memory;

/// <summary>Regions with a fixed number, and addresses made of them.</summary>
internal static class Address
{
    /// <summary>The packet: its addresses fit in 32 bits, as programs keep them in <c>__u32</c> fields.</summary>
    internal const uint Packet = 0;

    /// <summary>Handles of maps, which can be passed on but not dereferenced.</summary>
    internal const uint Maps = 1;

    /// <summary>Handles of functions, for callbacks.</summary>
    internal const uint Functions = 2;

    /// <summary>The context that a program gets in register 1.</summary>
    internal const uint Context = 3;

    /// <summary>The frame of the program; those of functions follow.</summary>
    internal const uint Stack = 4;

    internal const int Frames = 8;

    internal const int FrameBytes = 512;

    /// <summary>The socket whose address the context is (<c>struct bpf_sock</c>).</summary>
    internal const uint Socket = 12;

    /// <summary>Handles of control groups, which can be passed on but not dereferenced.</summary>
    internal const uint Groups = 13;

    internal const int OpenGroups = 8;

    /// <summary>Records that are reserved and not yet submitted.</summary>
    internal const uint Records = 16;

    internal const int OpenRecords = 16;

    /// <summary>Sockets that were looked up and not yet released.</summary>
    internal const uint Sockets = 32;

    internal const int OpenSockets = 16;

    /// <summary>Where a packet's buffer begins: no address below is valid, so that null and small numbers never are.</summary>
    internal const uint PacketStart = 0x10000;

    internal static ulong Of(uint region, uint position) => ((ulong)region << 32) | position;

    internal static uint RegionOf(ulong address) => (uint)(address >> 32);
}
