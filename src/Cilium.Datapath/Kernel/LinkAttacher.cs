using Cilium.Bpf;

namespace Cilium.Datapath.Kernel;

/// <summary>Attaches programs by pinned links: an existing link is updated in one step, so that traffic never runs without a program.</summary>
/// <param name="ns">Where devices are.</param>
/// <param name="usesTcx">TCX links; otherwise clsact filters, which need no pin.</param>
internal sealed class LinkAttacher(NodeNamespace ns, bool usesTcx)
{
    internal void AttachDevice(BpfProgram program, int ifindex, TcDirection direction, string pin)
    {
        if (!usesTcx)
        {
            ns.Run(() => TcFilter.Attach(program, ifindex, direction));
            return;
        }
        var hook = direction == TcDirection.Ingress ? AttachType.TcxIngress : AttachType.TcxEgress;
        if (TryUpdate(program, pin, link => link.Type == LinkType.Tcx && link.Ifindex == ifindex && link.AttachType == hook))
            return;
        using var created = ns.Run(() => BpfLink.AttachTcx(program, ifindex, direction));
        created.Pin(pin);
    }

    internal static void AttachCgroup(BpfProgram program, string cgroup, AttachType hook, string pin)
    {
        if (TryUpdate(program, pin, link => link.Type == LinkType.Cgroup && link.AttachType == hook))
            return;
        using var created = BpfLink.AttachCgroup(program, cgroup, hook);
        created.Pin(pin);
    }

    private static bool TryUpdate(BpfProgram program, string pin, Func<LinkDescription, bool> isSame)
    {
        using var link = BpfLink.OpenPinnedOrNull(pin);
        if (link is null)
            return false;
        if (isSame(link.Describe()) && link.TryUpdate(program))
            return true;
        // The device or cgroup went, or another has its place: the old link holds nothing worth keeping.
        BpfPins.Unpin(pin);
        return false;
    }
}
