namespace Cilium.VirtualNetwork;

/// <summary>
/// A device whose other end is the embedding program: what leaves by it is handed to <see cref="Listener"/>; what the program has for it, it
/// injects.
/// </summary>
public sealed class VirtualPort : VirtualInterface
{
    internal VirtualPort(VirtualNamespace ns, string name, uint index)
        : base(ns, name, index)
    {
    }

    /// <summary>Gets each frame that leaves; without one they are dropped.</summary>
    public FrameListener? Listener { get; set; }

    private protected override void Send(Frame frame)
    {
        if (Listener is not { } listener)
        {
            Fabric.Drop(frame, this, DropCause.DeviceDown);
            return;
        }
        listener(frame.Packet.Bytes);
        Fabric.GiveBack(frame);
    }
}
