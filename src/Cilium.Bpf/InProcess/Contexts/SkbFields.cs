namespace Cilium.Bpf.InProcess.Contexts;

/// <summary>Offsets in <c>struct __sk_buff</c> and <c>struct xdp_md</c>.</summary>
internal static class SkbFields
{
    internal const int Bytes = 192;
    internal const int Length = 0;
    internal const int PacketType = 4;
    internal const int Mark = 8;
    internal const int QueueMapping = 12;
    internal const int Protocol = 16;
    internal const int Priority = 32;
    internal const int IngressIfindex = 36;
    internal const int Ifindex = 40;
    internal const int TcIndex = 44;
    internal const int Cb = 48;
    internal const int CbBytes = 20;
    internal const int Hash = 68;
    internal const int TcClassId = 72;
    internal const int Data = 76;
    internal const int DataEnd = 80;
    internal const int DataMeta = 140;
    internal const int Timestamp = 152;
    internal const int WireLength = 160;
    internal const int GsoSegments = 164;
    internal const int GsoSize = 176;
    internal const int TimestampType = 180;
    internal const int HardwareTimestamp = 184;

    internal const int XdpBytes = 24;
    internal const int XdpData = 0;
    internal const int XdpDataEnd = 4;
    internal const int XdpDataMeta = 8;
    internal const int XdpIngressIfindex = 12;
    internal const int XdpRxQueue = 16;
    internal const int XdpEgressIfindex = 20;

    /// <summary>Whether a classifier may write bytes of the structure.</summary>
    internal static bool IsWritable(uint offset, uint bytes)
    {
        return Within(Mark, 4) || Within(QueueMapping, 4) || Within(Priority, 4) || Within(TcIndex, 4) || Within(Cb, CbBytes)
            || Within(TcClassId, 4) || Within(Timestamp, 8);

        bool Within(uint field, uint length) => offset >= field && offset + bytes <= field + length;
    }
}
