using Cilium.Bpf;

namespace Cilium.Datapath.Kernel;

/// <summary>Attaches programs by pinned links: an existing link is updated in one step, so that traffic never runs without a program.</summary>
/// <param name="ns">Where devices are.</param>
/// <param name="usesTcx">TCX links; otherwise clsact filters, which need no pin.</param>
internal sealed class LinkAttacher(NodeNamespace ns, bool usesTcx)
{
    /// <summary>Attaches in the way that is chosen, and takes away what an earlier agent attached in the other.</summary>
    internal void AttachDevice(BpfProgram program, int ifindex, TcDirection direction, string pin)
    {
        if (!usesTcx)
        {
            Filter(program, ifindex, direction, pin);
            return;
        }
        Link(program, ifindex, direction, pin);
        ns.Run(() => DetachFormer(program, ifindex, direction));
    }

    /// <summary>
    /// Attaches at once. A TCX link waits for a grace period of the kernel (10 ms and more, holding up all other device changes), a
    /// clsact filter does not: without a link to update, the filter comes first. Returns false when <see cref="Settle"/> is to follow.
    /// </summary>
    internal bool AttachQuickly(BpfProgram program, int ifindex, TcDirection direction, string pin)
    {
        if (usesTcx && TryUpdate(program, pin, link => IsDeviceLink(link, ifindex, direction)))
            return true;
        Filter(program, ifindex, direction, pin);
        return !usesTcx;
    }

    /// <summary>Puts links in the place of filters. Links run first and have the last word, so that no packet is handled twice or not at all.</summary>
    internal void Settle(int ifindex, params ReadOnlySpan<(BpfProgram Program, TcDirection Direction, string Pin)> hooks)
    {
        foreach (var (program, direction, pin) in hooks)
            Link(program, ifindex, direction, pin);
        ns.Run(() => TcFilter.DetachAll(ifindex));
    }

    internal static void AttachCgroup(BpfProgram program, string cgroup, AttachType hook, string pin)
    {
        if (TryUpdate(program, pin, link => link.Type == LinkType.Cgroup && link.AttachType == hook))
            return;
        using var created = BpfLink.AttachCgroup(program, cgroup, hook);
        created.Pin(pin);
    }

    private void Link(BpfProgram program, int ifindex, TcDirection direction, string pin)
    {
        if (TryUpdate(program, pin, link => IsDeviceLink(link, ifindex, direction)))
            return;
        using var created = ns.Run(() => BpfLink.AttachTcx(program, ifindex, direction));
        created.Pin(pin);
    }

    // The filter is there when the link goes: until then the link has the last word.
    private void Filter(BpfProgram program, int ifindex, TcDirection direction, string pin)
    {
        ns.Run(() => TcFilter.Attach(program, ifindex, direction));
        BpfPins.Unpin(pin);
    }

    // The device may be one that others filter on: only a program of the same name is ours.
    private static void DetachFormer(BpfProgram program, int ifindex, TcDirection direction)
    {
        if (TcFilter.FindProgram(ifindex, direction) is { } id && ProgramDescription.ReadOrNull(id) is { } former
            && program.Name.StartsWith(former.Name, StringComparison.Ordinal))
        {
            TcFilter.Detach(ifindex, direction);
        }
    }

    private static bool IsDeviceLink(LinkDescription link, int ifindex, TcDirection direction) =>
        link.Type == LinkType.Tcx && link.Ifindex == ifindex
        && link.AttachType == (direction == TcDirection.Ingress ? AttachType.TcxIngress : AttachType.TcxEgress);

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
