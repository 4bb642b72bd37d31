using Cilium.Core;
using Cilium.VirtualNetwork.Devices;

namespace Cilium.VirtualNetwork;

/// <summary>
/// What joins devices of different nodes: a switch. A frame for a device on it goes there, one for all goes to all others, and one for a
/// stranger goes nowhere.
/// </summary>
public sealed class VirtualSegment
{
    private readonly Fabric _fabric;
    private readonly List<SegmentInterface> _members = [];

    internal VirtualSegment(Fabric fabric, string name)
    {
        _fabric = fabric;
        Name = name;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The devices on it.</summary>
    public IReadOnlyList<VirtualInterface> Members => _members;

    /// <summary>Sees each frame that is sent, before it arrives; null for nobody. The bytes are valid during the call.</summary>
    public FrameListener? Listener { get; set; }

    internal void Add(SegmentInterface device) => _members.Add(device);

    internal void Remove(SegmentInterface device) => _members.Remove(device);

    internal void Carry(SegmentInterface from, Frame frame)
    {
        Listener?.Invoke(frame.Packet.Bytes);
        var to = frame.Packet.Bytes[..6];
        if ((to[0] & 1) == 0)
        {
            var address = MacAddress.FromBytes(to);
            if (_members.Find(member => member.Mac == address && !ReferenceEquals(member, from)) is { } member)
                from.CarryTo(member, frame);
            else
                _fabric.Drop(frame, from, DropCause.OtherHost);
            return;
        }
        foreach (var member in _members)
        {
            if (!ReferenceEquals(member, from))
                from.CarryTo(member, _fabric.Copy(frame));
        }
        _fabric.GiveBack(frame);
    }
}

/// <summary>Gets the bytes of a frame, which are valid during the call.</summary>
public delegate void FrameListener(ReadOnlySpan<byte> frame);
