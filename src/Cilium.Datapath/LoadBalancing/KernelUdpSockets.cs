using Cilium.Datapath.Kernel;
using Cilium.Netlink;

namespace Cilium.Datapath.LoadBalancing;

/// <summary>The same, of the running kernel.</summary>
internal sealed class KernelUdpSockets : IUdpSockets
{
    private readonly SocketDiagnosis _diagnosis;

    private KernelUdpSockets(SocketDiagnosis diagnosis) => _diagnosis = diagnosis;

    /// <summary>Opens the node's namespace, or a pod's by its path.</summary>
    /// <exception cref="NetlinkException">There is no such namespace, or the kernel refused.</exception>
    internal static KernelUdpSockets Open(NodeNamespace node, string? pod)
    {
        if (pod is null)
            return new KernelUdpSockets(node.OpenDiagnosis());
        using var ns = NetworkNamespace.Open(pod);
        return new KernelUdpSockets(SocketDiagnosis.Open(ns));
    }

    public List<ConnectedSocket> Connected() => _diagnosis.ConnectedUdp();

    public bool Destroy(ConnectedSocket socket) => _diagnosis.DestroyUdp(socket);

    public void Dispose() => _diagnosis.Dispose();
}
