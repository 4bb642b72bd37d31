using Cilium.Bpf.InProcess;

namespace Cilium.VirtualNetwork;

/// <summary>A frame under way: the packet as programs see it, and how far it has come.</summary>
internal sealed class Frame : IDisposable
{
    internal readonly BpfPacket Packet = new();

    /// <summary>Devices it was on.</summary>
    internal int Visits;

    public void Dispose() => Packet.Dispose();
}
