using System.Buffers.Binary;
using System.Net;
using Cilium.Bpf;
using Cilium.Datapath.Maps;

namespace Cilium.Benchmarks.Engine;

/// <summary>A node with two pods and a service as the maps know them, and packets of the first pod.</summary>
internal sealed class PodNode : IDisposable, IRingBufferSink
{
    internal const uint Device = 1;
    private const uint OtherDevice = 40;
    private const ushort EnforcedPort = 9;

    private readonly List<BpfMap> _maps = [];
    private readonly RingBufferReader _events;
    private readonly RingBufferReader _created;

    internal PodNode(BpfEngine engine)
    {
        using var stream = typeof(CStructAttribute).Assembly.GetManifestResourceStream("bpf/lxc.bpf.o")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        using var obj = BpfObject.Open("lxc", bytes, engine);
        obj.Load();
        Program = obj.Program("cil_from_container");
        var a = Row(1001, 11, Device, "10.0.0.10", EndpointFlags.Present | EndpointFlags.EgressEnforced);
        var b = Row(1002, 12, OtherDevice, "10.0.0.11", EndpointFlags.Present);
        var devices = Open<uint, EndpointRow>(obj, "cilium_devices");
        var lxc = Open<Addr128, EndpointRow>(obj, "cilium_lxc");
        var ipcache = Open<IpcacheKey, IpcacheValue>(obj, "cilium_ipcache");
        foreach (var (row, device) in new[] { (a, Device), (b, OtherDevice) })
        {
            devices.Update(device, row);
            lxc.Update(row.IPv4, row);
            ipcache.Update(new IpcacheKey(128, row.IPv4), new IpcacheValue(row.Identity, 0, default));
        }
        AllowPort(obj, engine, 80);
        Open<uint, BackendValue>(obj, "cilium_lb_backends").Update(500, new BackendValue(Address("10.0.0.11"), NetPort.From(80), 6, 0));
        Open<SlotKey, SlotValue>(obj, "cilium_lb_slots").Update(new SlotKey(7, 0), new SlotValue(500, Address("10.0.0.11"), NetPort.From(80), 6, 0));
        Open<uint, RevNatValue>(obj, "cilium_lb_revnat").Update(7, new RevNatValue(Address("10.96.0.1"), NetPort.From(80), 0));
        Open<FrontendKey, FrontendValue>(obj, "cilium_lb_frontends")
            .Update(new FrontendKey(Address("10.96.0.1"), NetPort.From(80), 6, 0), new FrontendValue(7, 1, 0));
        _events = new RingBufferReader(Keep(obj.Map("cilium_events")));
        _created = new RingBufferReader(Keep(obj.Map("cilium_ct_created")));
        var output = new byte[2048];
        _ = Program.TestRun(Tcp("10.0.0.11", 40000, 80, 2), output);
        _ = Program.TestRun(Tcp("10.96.0.1", 40001, 80, 2), output);
        DrainEvents();
    }

    internal BpfProgram Program { get; }

    /// <summary>Of a known connection, allowed.</summary>
    internal byte[] PodToPod { get; } = Tcp("10.0.0.11", 40000, 80, 16);

    /// <summary>Of a known connection to a service.</summary>
    internal byte[] PodToService { get; } = Tcp("10.96.0.1", 40001, 80, 16);

    /// <summary>To a port that policy does not allow.</summary>
    internal byte[] Denied { get; } = Tcp("10.0.0.11", 40002, EnforcedPort, 2);

    internal void DrainEvents()
    {
        _ = _events.Drain(this);
        _ = _created.Drain(this);
    }

    public void OnRecord(ReadOnlySpan<byte> record)
    {
    }

    public void Dispose()
    {
        _events.Dispose();
        _created.Dispose();
        Program.Dispose();
        foreach (var map in _maps)
            map.Dispose();
    }

    private static Addr128 Address(string text) => Addr128.From(IPAddress.Parse(text));

    private static EndpointRow Row(uint identity, ushort endpoint, uint device, string address, EndpointFlags flags) => new(
        identity, endpoint, flags, endpoint, device, MacAddr.FromBytes([2, 0, 0, 0, 0, (byte)endpoint]), MacAddr.FromBytes([2, 0, 0, 0, 1, (byte)endpoint]), 0,
        Address(address), default);

    private static byte[] Tcp(string destination, ushort sourcePort, ushort destinationPort, byte flags)
    {
        var frame = new byte[14 + 20 + 20 + 64];
        byte[] start = [2, 0, 0, 0, 1, 11, 2, 0, 0, 0, 0, 11, 8, 0, 0x45, 0];
        start.CopyTo(frame, 0);
        var ip = frame.AsSpan(14);
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
        ip[8] = 255;
        ip[9] = 6;
        IPAddress.Parse("10.0.0.10").GetAddressBytes().CopyTo(ip[12..]);
        IPAddress.Parse(destination).GetAddressBytes().CopyTo(ip[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(ip[20..], sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(ip[22..], destinationPort);
        ip[32] = 5 << 4;
        ip[33] = flags;
        return frame;
    }

    private void AllowPort(BpfObject obj, BpfEngine engine, ushort port)
    {
        using var inner = BpfMap.Create("policy", new MapShape(MapType.LpmTrie, 12, 12, 16384, MapFlags.NoPreallocation), engine);
        var key = new PolicyKey(64, 1002, PolicyDirection.Egress, 6, NetPort.From(port));
        inner.As<PolicyKey, PolicyValue>().Update(key, new PolicyValue(0, 64, default, 0, 0, 0, 0, 1));
        new ArrayOfMapsBpf(Keep(obj.Map("cilium_policy"))).UpdateBatch([11], [inner]);
        Open<uint, uint>(obj, "cilium_policy_stamp").Update(11, 1);
    }

    private BpfMap<TKey, TValue> Open<TKey, TValue>(BpfObject obj, string name)
        where TKey : unmanaged
        where TValue : unmanaged => Keep(obj.Map(name)).As<TKey, TValue>();

    private BpfMap Keep(BpfMap map)
    {
        _maps.Add(map);
        return map;
    }
}
