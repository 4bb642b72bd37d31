using Cilium.Bpf;
using Cilium.Bpf.InProcess;

namespace Cilium.VirtualNetwork;

/// <summary>Watches frames on their way. Called on the thread that runs the fabric; must not call back into it.</summary>
public interface IFabricObserver
{
    /// <summary>Who watches calls inside of programs, which is slow; null for nobody.</summary>
    IBpfObserver? Calls { get; }

    /// <summary>A program is about to see a frame.</summary>
    void BeforeProgram(VirtualInterface device, TcDirection hook, BpfProgram program, BpfPacket packet);

    /// <summary>A program has seen it, and said what becomes of it.</summary>
    void AfterProgram(VirtualInterface device, TcDirection hook, BpfProgram program, BpfPacket packet, int verdict);

    /// <summary>An XDP program is about to see a frame.</summary>
    void BeforeXdp(VirtualInterface device, BpfProgram program, BpfPacket packet);

    /// <summary>It has seen it, and said what becomes of it.</summary>
    void AfterXdp(VirtualInterface device, BpfProgram program, BpfPacket packet, int verdict);

    /// <summary>A program is about to see the address of a socket call.</summary>
    void BeforeProgram(VirtualNamespace ns, AttachType hook, BpfProgram program, BpfSocketAddress address);

    /// <summary>A program has seen it.</summary>
    void AfterProgram(VirtualNamespace ns, AttachType hook, BpfProgram program, BpfSocketAddress address, int verdict);

    /// <summary>Something happened to a frame.</summary>
    void OnFrame(FrameAction action, VirtualInterface device, BpfPacket packet);

    /// <summary>A frame came to its end.</summary>
    void OnDrop(DropCause cause, VirtualInterface device, BpfPacket packet);
}

/// <summary>What happens to frames.</summary>
public enum FrameAction
{
    /// <summary>It came in by the device.</summary>
    Received,
    /// <summary>It leaves by the device, behind all programs.</summary>
    Sent,
    /// <summary>The stack sends it on; the device is where it came from.</summary>
    Forwarded,
    /// <summary>It is for the stack of the device's namespace.</summary>
    Delivered,
    /// <summary>The tunnel device put headers around it.</summary>
    Encapsulated,
    /// <summary>The tunnel device took them off.</summary>
    Decapsulated,
}
