namespace Cilium.VirtualNetwork.Captures;

/// <summary>A frame of a capture file.</summary>
/// <param name="Timestamp">Nanoseconds since 1970, UTC.</param>
/// <param name="Bytes">What was captured of it.</param>
/// <param name="OriginalLength">Its length on the wire, in bytes.</param>
/// <param name="LinkType">What it begins with: 1 for Ethernet (LINKTYPE_*).</param>
/// <param name="Interface">The device's number within the file; 0 where the format knows none.</param>
public readonly record struct CapturedFrame(long Timestamp, ReadOnlyMemory<byte> Bytes, int OriginalLength, ushort LinkType = CapturedFrame.Ethernet, int Interface = 0)
{
    /// <summary>LINKTYPE_ETHERNET.</summary>
    public const ushort Ethernet = 1;
}
