using Cilium.Core;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>
/// Puts fragments of IPv4 packets for a namespace together again. A copy of a fragment is dropped; fragments that overlap or contradict each other end
/// the whole packet. What is incomplete waits for 30 seconds. Sources: RFC 791, RFC 5722; Linux 6.18 net/ipv4/ip_fragment.c.
/// </summary>
internal sealed class Reassembly(VirtualNamespace ns)
{
    private const int MaximumPending = 64;
    private const int MaximumBytes = ushort.MaxValue;
    private const int Unit = 8;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>In the order of their first fragments to arrive.</summary>
    private readonly List<Pending> _pending = [];

    private TimeProvider Time => ns.Node.Fabric.Options.Time;

    /// <summary>Whether fragments of the same packet are a tunnel's.</summary>
    internal bool IsOfTunnel(Frame frame, in IpPacket ip) => Find(KeyOf(frame, ip)) is { IsOfTunnel: true };

    /// <summary>Takes a fragment. Returns the whole packet when it was the missing one.</summary>
    internal Frame? Add(VirtualInterface device, Frame frame, in IpPacket ip, bool isOfTunnel)
    {
        while (_pending.Count > 0 && Time.GetElapsedTime(_pending[0].Begin) > s_patience)
            Expire(_pending[0]);
        var (offset, isLast) = Fragmentation.PlaceOf(frame.Packet.Bytes);
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
        if (end == offset || end + ip.PayloadOffset > MaximumBytes || pending.Contradicts(part, isLast))
        {
            pending.Parts.Add(part);
            Discard(pending);
            return null;
        }
        pending.Insert(part, isLast);
        return pending.IsWhole ? Complete(pending) : null;
    }

    private static Key KeyOf(Frame frame, in IpPacket ip) => new(ip.Source, ip.Destination, ip.Protocol, Fragmentation.IdOf(frame.Packet.Bytes));

    private Pending? Find(Key key) => _pending.Find(candidate => candidate.Key == key);

    private Frame Complete(Pending pending)
    {
        _pending.Remove(pending);
        var first = pending.Parts[0];
        var header = IpPacket.EthernetBytes + first.HeaderBytes;
        var bytes = new byte[header + pending.Total];
        first.Frame.Packet.Bytes[..header].CopyTo(bytes);
        foreach (var part in pending.Parts)
            part.Frame.Packet.Bytes.Slice(IpPacket.EthernetBytes + part.HeaderBytes, part.End - part.Offset).CopyTo(bytes.AsSpan(header + part.Offset));
        Fragmentation.Join(bytes);
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

    private readonly record struct Key(IpAddr Source, IpAddr Destination, byte Protocol, ushort Id);

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
