using Cilium.Bpf;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Policies;

namespace Cilium.Datapath.Kernel;

/// <summary>The node's maps with their types. Safe for use from many threads.</summary>
public sealed class DatapathMaps : IDisposable
{
    private readonly List<BpfMap> _owned = [];

    internal DatapathMaps(Func<string, BpfMap> open)
    {
        BpfMap Own(string name)
        {
            var map = open(name);
            _owned.Add(map);
            return map;
        }

        Devices = Own("cilium_devices").As<uint, EndpointRow>();
        DevicesHigh = Own("cilium_devices_high").As<uint, EndpointRow>();
        Endpoints = Own("cilium_lxc").As<Addr128, EndpointRow>();
        DeviceAddresses = Own("cilium_device_addresses").As<uint, DeviceAddresses>();
        IpCache = Own("cilium_ipcache").As<IpcacheKey, IpcacheValue>();
        Policies = new ArrayOfMapsBpf(Own("cilium_policy"));
        PolicyStamps = Own("cilium_policy_stamp").As<uint, uint>();
        PolicyStats = new PolicyStatistics(Own("cilium_policy_stats"));
        Conntrack = Own("cilium_ct").As<CtTuple, CtEntry>();
        Created = Own("cilium_ct_created");
        Services = new ServiceMaps(Own);
        Affinity = Own("cilium_lb_affinity").As<AffinityKey, AffinityValue>();
        SocketRevNat = Own("cilium_lb_sk_rev").As<SocketRevNatKey, SocketRevNatValue>();
        Snat = Own("cilium_snat").As<SnatKey, SnatValue>();
        Metrics = new PerCpuBpfMap<MetricsKey, MetricsValue>(Own("cilium_metrics"));
        Forwarded = new PerCpuBpfMap<uint, MetricsValue>(Own("cilium_forwarded"));
        Events = Own("cilium_events");
        Lost = new PerCpuBpfMap<uint, ulong>(Own("cilium_lost"));
        ReaderSleeps = Own("cilium_reader_sleeps").As<uint, uint>();
    }

    /// <summary>Pod devices by ifindex, below the array's length.</summary>
    public BpfMap<uint, EndpointRow> Devices { get; }

    /// <summary>Pod devices by ifindex, above.</summary>
    public BpfMap<uint, EndpointRow> DevicesHigh { get; }

    /// <summary>Local addresses.</summary>
    public BpfMap<Addr128, EndpointRow> Endpoints { get; }

    /// <summary>Addresses by the ifindex of a native device.</summary>
    public BpfMap<uint, DeviceAddresses> DeviceAddresses { get; }

    /// <summary>Identities and tunnel endpoints by prefix.</summary>
    public BpfMap<IpcacheKey, IpcacheValue> IpCache { get; }

    /// <summary>Compiled policies by id.</summary>
    public ArrayOfMapsBpf Policies { get; }

    /// <summary>A number per policy id that changes with its content.</summary>
    public BpfMap<uint, uint> PolicyStamps { get; }

    /// <summary>Packets and bytes by the counter index of a policy entry.</summary>
    public PolicyStatistics PolicyStats { get; }

    /// <summary>Connections.</summary>
    public BpfMap<CtTuple, CtEntry> Conntrack { get; }

    /// <summary>New connections and translations, for the collector.</summary>
    public BpfMap Created { get; }

    /// <summary>What services are.</summary>
    public ServiceMaps Services { get; }

    /// <summary>Backends that clients keep.</summary>
    public BpfMap<AffinityKey, AffinityValue> Affinity { get; }

    /// <summary>Services that sockets were translated from; sockets of TCP carry theirs themselves.</summary>
    public BpfMap<SocketRevNatKey, SocketRevNatValue> SocketRevNat { get; }

    /// <summary>Masqueraded connections.</summary>
    public BpfMap<SnatKey, SnatValue> Snat { get; }

    /// <summary>Drops by reason and place.</summary>
    public PerCpuBpfMap<MetricsKey, MetricsValue> Metrics { get; }

    /// <summary>Forwarded packets by direction.</summary>
    public PerCpuBpfMap<uint, MetricsValue> Forwarded { get; }

    /// <summary>The event ring.</summary>
    public BpfMap Events { get; }

    /// <summary>Events lost, by ring.</summary>
    public PerCpuBpfMap<uint, ulong> Lost { get; }

    /// <summary>Entry 0: 1 while the reader of the event ring sleeps until the next event.</summary>
    public BpfMap<uint, uint> ReaderSleeps { get; }

    /// <summary>Opens the maps that a running or stopped agent left pinned.</summary>
    /// <param name="bpfRoot">The node's bpffs.</param>
    /// <exception cref="KernelException">A map is not pinned there (ENOENT).</exception>
    public static DatapathMaps OpenPinned(string bpfRoot)
    {
        var paths = new PinPaths(bpfRoot);
        return new DatapathMaps(name => OpenPinned(paths, name));
    }

    internal static BpfMap OpenPinned(PinPaths paths, string name)
    {
        const int noEntry = 2;
        return BpfPins.OpenMapOrNull(paths.Map(name)) ?? throw new KernelException("bpf_obj_get", noEntry, paths.Map(name));
    }

    /// <summary>The device map that holds an ifindex.</summary>
    internal BpfMap<uint, EndpointRow> DevicesFor(uint ifindex) => ifindex < Devices.Shape.MaxEntries ? Devices : DevicesHigh;

    /// <summary>Closes the descriptors; pinned maps stay.</summary>
    public void Dispose()
    {
        foreach (var map in _owned)
            map.Dispose();
    }
}
