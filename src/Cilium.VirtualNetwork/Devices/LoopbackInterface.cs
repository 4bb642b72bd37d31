namespace Cilium.VirtualNetwork.Devices;

/// <summary>Gives back what it is given.</summary>
internal sealed class LoopbackInterface : VirtualInterface
{
    internal LoopbackInterface(VirtualNamespace ns, uint index)
        : base(ns, "lo", index)
    {
        Mtu = 65536;
        Mac = default;
        IsWithoutNeighbours = true;
    }

    private protected override void Send(Frame frame)
    {
        Scrub(frame, changesNamespace: false);
        Fabric.Arrive(frame, this);
    }
}
