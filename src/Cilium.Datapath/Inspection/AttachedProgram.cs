using Cilium.Bpf;
using Cilium.Datapath.Kernel;

namespace Cilium.Datapath.Inspection;

/// <summary>A program of ours where it is attached, as pins and kernel tell.</summary>
/// <param name="Target">The device, endpoint or cgroup the pin is filed under, as in "cilium_host", "endpoint 7", "cgroup"; "bond0.5" is filed under "bond0-5".</param>
/// <param name="Hook">The hook, as in "tcx ingress" and "connect4".</param>
/// <param name="Program">The program's name.</param>
/// <param name="Ifindex">The device, or zero for cgroups and for devices that are gone.</param>
/// <param name="ProgramId">The kernel's id of the program.</param>
/// <param name="LinkId">The kernel's id of the link.</param>
/// <param name="Tag">The kernel's hash of the program's instructions.</param>
public sealed record AttachedProgram(string Target, string Hook, string Program, int Ifindex, uint ProgramId, uint LinkId, string Tag)
{
    /// <summary>All attached programs of a node, by target.</summary>
    /// <param name="bpfRoot">The node's bpffs.</param>
    public static IReadOnlyList<AttachedProgram> List(string bpfRoot)
    {
        var paths = new PinPaths(bpfRoot);
        return
        [
            .. Pins(paths.Devices).Select(pin => Read(pin, Owner(pin))).OfType<AttachedProgram>(),
            .. Pins(paths.Endpoints).OrderBy(pin => Owner(pin).PadLeft(8)).Select(pin => Read(pin, $"endpoint {Owner(pin)}")).OfType<AttachedProgram>(),
            .. Pins(paths.SocketLinks).Select(pin => Read(pin, "cgroup")).OfType<AttachedProgram>(),
        ];
    }

    // A pin is <owner>/links/<program>.
    private static string Owner(string pin) => Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(pin)))!;

    private static IEnumerable<string> Pins(string folder) =>
        Directory.Exists(folder) ? Directory.GetFiles(folder, "cil_*", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [];

    /// <summary>What a pin says, or null when it vanished since it was listed.</summary>
    private static AttachedProgram? Read(string pin, string target)
    {
        using var link = BpfLink.OpenPinnedOrNull(pin);
        if (link is null)
            return null;
        var description = link.Describe();
        var program = ProgramDescription.ReadOrNull(description.ProgramId);
        return new AttachedProgram(
            target, HookName(description.AttachType), Path.GetFileName(pin), description.Ifindex, description.ProgramId, description.Id, program?.Tag ?? "");
    }

    private static string HookName(AttachType hook) => hook switch
    {
        AttachType.TcxIngress => "tcx/ingress",
        AttachType.TcxEgress => "tcx/egress",
        AttachType.CgroupInet4Connect => "connect4",
        AttachType.CgroupInet6Connect => "connect6",
        AttachType.CgroupUdp4SendMsg => "sendmsg4",
        AttachType.CgroupUdp6SendMsg => "sendmsg6",
        AttachType.CgroupUdp4RecvMsg => "recvmsg4",
        AttachType.CgroupUdp6RecvMsg => "recvmsg6",
        AttachType.CgroupInet4GetPeerName => "getpeername4",
        AttachType.CgroupInet6GetPeerName => "getpeername6",
        _ => hook.ToString(),
    };
}
