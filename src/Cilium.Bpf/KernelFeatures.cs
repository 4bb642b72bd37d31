using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>Probes of the running kernel. Answers are asked each time: keep what you need.</summary>
public static unsafe class KernelFeatures
{
    /// <summary>Whether devices have TCX hooks (Linux 6.6).</summary>
    public static bool HasTcx
    {
        get
        {
            // A query for a device that cannot exist: a kernel with TCX looks for the device, an older one rejects the hook.
            uint attachFlags;
            uint count = 0;
            return LibBpf.bpf_prog_query(int.MaxValue, (uint)AttachType.TcxIngress, 0, &attachFlags, null, &count) == -Errno.NoDevice;
        }
    }

    /// <summary>Whether programs of a kind can be loaded.</summary>
    public static bool Has(ProgramType type)
    {
        using var log = LibBpfLog.Capture();
        return LibBpf.libbpf_probe_bpf_prog_type((uint)type, null) == 1;
    }

    /// <summary>Whether maps of a kind can be created.</summary>
    public static bool Has(MapType type)
    {
        using var log = LibBpfLog.Capture();
        return LibBpf.libbpf_probe_bpf_map_type((uint)type, null) == 1;
    }

    /// <summary>Whether programs of a kind may call a helper, by the kernel's number.</summary>
    public static bool HasHelper(ProgramType type, uint helper)
    {
        using var log = LibBpfLog.Capture();
        return LibBpf.libbpf_probe_bpf_helper((uint)type, helper, null) == 1;
    }
}
