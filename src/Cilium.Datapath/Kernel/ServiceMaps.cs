using Cilium.Bpf;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.Kernel;

/// <summary>The maps that say what services are. They are there and filled before those of connections. Safe for use from many threads.</summary>
public sealed class ServiceMaps
{
    /// <summary>Index of <see cref="Ids"/>: the backend id to be given next.</summary>
    internal const uint NextBackend = 0;

    /// <summary>Index of <see cref="Ids"/>: the service id to be given next.</summary>
    internal const uint NextService = 1;

    internal ServiceMaps(Func<string, BpfMap> open)
    {
        Frontends = open("cilium_lb_frontends").As<FrontendKey, FrontendValue>();
        Slots = open("cilium_lb_slots").As<SlotKey, SlotValue>();
        Backends = open("cilium_lb_backends").As<uint, BackendValue>();
        RevNat = open("cilium_lb_revnat").As<uint, RevNatValue>();
        SourceRanges = open("cilium_lb_source_ranges").As<SourceRangeKey, uint>();
        AffinityMembers = open("cilium_lb_affinity_members").As<AffinityMember, uint>();
        Ids = open("cilium_lb_ids").As<uint, uint>();
    }

    /// <summary>Service frontends.</summary>
    public BpfMap<FrontendKey, FrontendValue> Frontends { get; }

    /// <summary>Backends by service and slot.</summary>
    public BpfMap<SlotKey, SlotValue> Slots { get; }

    /// <summary>Backends by id.</summary>
    public BpfMap<uint, BackendValue> Backends { get; }

    /// <summary>Service addresses by reverse translation id.</summary>
    public BpfMap<uint, RevNatValue> RevNat { get; }

    /// <summary>Sources that may use services.</summary>
    public BpfMap<SourceRangeKey, uint> SourceRanges { get; }

    /// <summary>Backends that clients of a service may keep.</summary>
    public BpfMap<AffinityMember, uint> AffinityMembers { get; }

    /// <summary>How far ids have come, so that those of what is deleted are not given again by a later agent; 0: none was given.</summary>
    internal BpfMap<uint, uint> Ids { get; }
}
