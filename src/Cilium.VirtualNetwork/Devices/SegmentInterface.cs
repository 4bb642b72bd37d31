namespace Cilium.VirtualNetwork.Devices;

/// <summary>A network card on a segment.</summary>
internal sealed class SegmentInterface(VirtualNamespace ns, string name, uint index, VirtualSegment segment) : VirtualInterface(ns, name, index)
{
    private protected override void Send(Frame frame) => segment.Carry(this, frame);

    internal override void Removed() => segment.Remove(this);
}
