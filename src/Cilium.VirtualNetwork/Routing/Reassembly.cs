using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>
/// Puts fragments of packets of a family for a namespace together again. A copy of a fragment is dropped; fragments that overlap or contradict each
/// other end the whole packet. What is incomplete waits for 30 seconds, of IPv6 for 60. Sources: RFC 791, RFC 8200, RFC 5722; Linux 6.18
/// net/ipv4/ip_fragment.c, net/ipv6/reassembly.c.
/// </summary>
internal sealed class Reassembly(VirtualNamespace ns, bool isIPv6)
{
    private const int MaximumPending = 64;
    private const int MaximumBytes = ushort.MaxValue;
    private const int Unit = 8;

    private const int FixedHeader6 = 40;
    private const int LengthField6 = 4;

    private readonly TimeSpan _patience = TimeSpan.FromSeconds(isIPv6 ? 60 : 30);

    /// <summary>In the order of their first fragments to arrive.</summary>
    private readonly List<Pending> _pending = [];

    private TimeProvider Time => ns.Node.Fabric.Options.Time;

    /// <summary>Whether fragments of the same packet are a tunnel's.</summary>
    internal bool IsOfTunnel(Frame frame, in IpPacket ip) => Find(KeyOf(frame, ip)) is { IsOfTunnel: true };

    /// <summary>Takes a fragment. Returns the whole packet when it was the missing one.</summary>
    internal Frame? Add(VirtualInterface device, Frame frame, in IpPacket ip, bool isOfTunnel)
    {
        while (_pending.Count > 0 && Time.GetElapsedTime(_pending[0].Begin) > _patience)
            Expire(_pending[0]);
        var (offset, isLast) = PlaceOf(frame, ip);
        if (isIPv6 && IsRefused(ip, offset, isLast, out var lacksHeaders, out var pointer))
        {
            ns.Node.Fabric.Tell(DropCause.Unassembled, device, frame);
            IcmpErrors.BadFragment(ns, frame.Packet.Bytes, lacksHeaders, pointer);
            ns.Node.Fabric.GiveBack(frame);
            return null;
        }
        var end = offset + (isLast ? ip.Payload.Length : ip.Payload.Length & ~(Unit - 1));
        var key = KeyOf(frame, ip);
        var pending = Find(key);
        if (pending is null)
        {
            if (_pending.Count == MaximumPending)
                Discard(_pending[0]);
            _pending.Add(pending = new Pending(key, Time.GetTimestamp(), isOfTunnel));
        }
        var part = new Part(frame, device, offset, end, ip.PayloadOffset);
        if (pending.Parts.Exists(other => offset >= other.Offset && end <= other.End))
        {
            ns.Node.Fabric.Drop(frame, device, DropCause.Unassembled);
            return null;
        }
        if (end == offset || end + HeadersInLength(ip) > MaximumBytes || pending.Contradicts(part, isLast))
        {
            pending.Parts.Add(part);
            Discard(pending);
            return null;
        }
        pending.Insert(part, isLast);
        return pending.IsWhole ? Complete(pending) : null;
    }

    /// <summary>Where a fragment belongs, in bytes of the whole payload.</summary>
    internal (int Offset, bool IsLast) PlaceOf(Frame frame, in IpPacket ip) =>
        isIPv6 ? Fragmentation6.PlaceOf(frame.Packet.Bytes, ip.PayloadOffset) : Fragmentation.PlaceOf(frame.Packet.Bytes);

    // Of IPv6 the protocol does not count: only the first fragment's is used.
    private Key KeyOf(Frame frame, in IpPacket ip) => isIPv6
        ? new(ip.Source, ip.Destination, 0, Fragmentation6.IdOf(frame.Packet.Bytes, ip.PayloadOffset))
        : new(ip.Source, ip.Destination, ip.Protocol, Fragmentation.IdOf(frame.Packet.Bytes));

    /// <summary>Bytes of headers that the length of the whole packet counts.</summary>
    private int HeadersInLength(in IpPacket ip) => isIPv6 ? ip.PayloadOffset - Fragmentation6.HeaderBytes - FixedHeader6 : ip.PayloadOffset;

    /// <summary>Whether a fragment is refused for itself, its sender being told at which byte.</summary>
    private static bool IsRefused(in IpPacket ip, int offset, bool isLast, out bool lacksHeaders, out int pointer)
    {
        var upper = ip.Protocol switch { FrameWriter.Tcp => FrameWriter.TcpBytes, FrameWriter.Udp => FrameWriter.UdpBytes, FrameWriter.IcmpV6 => FrameWriter.IcmpBytes, _ => 1 };
        lacksHeaders = offset == 0 && ip.Payload.Length < upper;
        pointer = 0;
        if (lacksHeaders)
            return true;
        if (offset + ip.Payload.Length > MaximumBytes)
            pointer = ip.PayloadOffset - Fragmentation6.HeaderBytes + 2;
        else if (!isLast && ip.Payload.Length % Unit != 0)
            pointer = LengthField6;
        return pointer != 0;
    }

    private Pending? Find(Key key) => _pending.Find(candidate => candidate.Key == key);

    private Frame Complete(Pending pending)
    {
        _pending.Remove(pending);
        var first = pending.Parts[0];
        var bytes = isIPv6 ? Fragmentation6.Join(first.Frame.Packet.Bytes, first.HeaderBytes, pending.Total) : Fragmentation.Join(first.Frame.Packet.Bytes, first.HeaderBytes, pending.Total);
        var payload = bytes.AsSpan(bytes.Length - pending.Total);
        foreach (var part in pending.Parts)
            part.Frame.Packet.Bytes.Slice(IpPacket.EthernetBytes + part.HeaderBytes, part.End - part.Offset).CopyTo(payload[part.Offset..]);
        var whole = ns.Node.Fabric.Derive(first.Frame, bytes);
        foreach (var part in pending.Parts)
            ns.Node.Fabric.GiveBack(part.Frame);
        return whole;
    }

    /// <summary>The rest never came: its sender is told when the first fragment did.</summary>
    private void Expire(Pending pending)
    {
        if (pending.Parts is [{ Offset: 0 } first, ..])
            IcmpErrors.ReassemblyExpired(ns, first.Frame.Packet.Bytes);
        Discard(pending);
    }

    private void Discard(Pending pending)
    {
        _pending.Remove(pending);
        foreach (var part in pending.Parts)
            ns.Node.Fabric.Drop(part.Frame, part.Device, DropCause.Unassembled);
    }

    private readonly record struct Key(IpAddr Source, IpAddr Destination, byte Protocol, uint Id);

    /// <summary>A fragment and its place in the payload of the whole packet.</summary>
    private sealed record Part(Frame Frame, VirtualInterface Device, int Offset, int End, int HeaderBytes);

    private sealed class Pending(Key key, long begin, bool isOfTunnel)
    {
        private const int Unknown = -1;
        private int _bytes;

        internal Key Key => key;

        internal long Begin => begin;

        internal bool IsOfTunnel => isOfTunnel;

        /// <summary>What came, by place.</summary>
        internal List<Part> Parts { get; } = [];

        /// <summary>Bytes of the whole payload, once the last fragment came.</summary>
        internal int Total { get; private set; } = Unknown;

        internal bool IsWhole => _bytes == Total;

        internal bool Contradicts(Part part, bool isLast)
        {
            if (isLast ? (Total != Unknown && Total != part.End) || Parts.Exists(other => other.End > part.End) : Total != Unknown && part.End > Total)
                return true;
            return Parts.Exists(other => part.Offset < other.End && part.End > other.Offset);
        }

        internal void Insert(Part part, bool isLast)
        {
            var behind = Parts.FindIndex(other => other.Offset > part.Offset);
            Parts.Insert(behind < 0 ? Parts.Count : behind, part);
            _bytes += part.End - part.Offset;
            if (isLast)
                Total = part.End;
        }
    }
}
