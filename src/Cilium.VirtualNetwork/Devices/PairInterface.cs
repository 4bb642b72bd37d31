namespace Cilium.VirtualNetwork.Devices;

/// <summary>One end of a pair: what is sent by it, the other end receives (veth).</summary>
internal sealed class PairInterface(VirtualNamespace ns, string name, uint index) : VirtualInterface(ns, name, index)
{
    internal PairInterface? Other { get; set; }

    internal override VirtualInterface? PeerOrNull => Other;

    private protected override void Send(Frame frame)
    {
        if (Other is { } other)
            CarryTo(other, frame);
        else
            Fabric.Drop(frame, this, DropCause.DeviceDown);
    }

    internal override void Removed()
    {
        if (Other is not { } other)
            return;
        Other = null;
        other.Other = null;
        other.Namespace.Remove(other);
    }
}
