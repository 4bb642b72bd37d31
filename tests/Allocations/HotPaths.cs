using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath.Conntrack;
using Cilium.Datapath.Events;
using Cilium.Datapath.Maps;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Flows;
using Cilium.Hubble.Monitor;
using Cilium.Ipam;

namespace Cilium.AllocationTests;

/// <summary>What runs once per packet, event, map entry or address; each returns one turn of the work.</summary>
internal static class HotPaths
{
    private const int Dropped = 2;
    private static readonly byte[] s_packet = new byte[74];

    internal static Action Create(string name) => name switch
    {
        "flow-ring-record" => RecordFlow(),
        "monitor-without-listener" => OfferToMonitor(),
        "event-decode" => DecodeEvent(),
        "address-allocate-release" => AllocateAddress(),
        "table-lookup" => LookUpRow(),
        "in-process-packet" => RunPacket(),
        "in-process-map-update" => UpdateMap(),
        "in-process-socket-lookup" => FindSocket(),
        "expiry-wheel-key" => FileKey(),
        _ => throw new ArgumentException($"no hot path is called {name}", nameof(name)),
    };

    private static Action RecordFlow()
    {
        var ring = new FlowRing(4095, new HubbleIndex(), TimeProvider.System);
        var seen = new DatapathEvent { Type = DatapathEventType.Trace };
        return () => ring.OnEvent(seen, s_packet);
    }

    private static Action OfferToMonitor()
    {
        var monitor = new MonitorServer(Path.Combine(Path.GetTempPath(), "never-started.sock"));
        var seen = new DatapathEvent { Type = DatapathEventType.Trace };
        return () => monitor.OnEvent(seen, s_packet);
    }

    private static Action DecodeEvent()
    {
        var record = new byte[200];
        MemoryMarshal.Write(record, default(PacketEventHeader) with { Type = EventType.Trace, CapturedLength = 74 });
        return () => EventDecoder.TryDecode(record, out _, out _);
    }

    private static Action AllocateAddress()
    {
        var pool = new AddressPool(new AddressPoolOptions(), TimeProvider.System, new Random(1));
        pool.SetRanges([Prefix.Parse("10.0.0.0/24")]);
        return () => pool.Release(pool.Allocate("default/pod").Address);
    }

    private static Action LookUpRow()
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("rows", row => row.Key);
        store.Write(write =>
        {
            for (var i = 0; i < 1000; i++)
                write.Upsert(table, new Row(i));
        });
        return () => table.TryGet(500, out _);
    }

    /// <summary>A packet that the policy of its sender drops: source check, conntrack, policy, counters, events.</summary>
    private static Action RunPacket()
    {
        using var stream = typeof(CStructAttribute).Assembly.GetManifestResourceStream("bpf/lxc.bpf.o")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        var obj = BpfObject.Open("lxc", bytes, new InProcessEngine(new InProcessOptions()));
        obj.Load();
        var address = Addr128.From(IPAddress.Parse("10.0.0.10"));
        obj.Map<uint, EndpointRow>("cilium_devices").Update(1, new EndpointRow(
            1001, 11, EndpointFlags.Present | EndpointFlags.EgressEnforced, 11, 1, default, default, 0, address, default));
        var program = obj.Program("cil_from_container");
        var packet = new BpfPacket();
        var frame = new byte[54];
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), 0x0800);
        frame[14] = 0x45;
        frame[17] = 40;
        frame[22] = 64;
        frame[23] = 6;
        byte[] ends = [10, 0, 0, 10, 10, 0, 0, 11];
        ends.CopyTo(frame, 26);
        frame[46] = 5 << 4;
        frame[47] = 2;
        return () =>
        {
            packet.Load(frame);
            packet.Ifindex = 1;
            if (program.Run(packet) != Dropped)
                throw new InvalidOperationException("the packet was not dropped");
        };
    }

    private static Action UpdateMap()
    {
        var map = BpfMap.Create("map", new MapShape(MapType.Hash, 4, 8, 1024), new InProcessEngine(new InProcessOptions())).As<uint, ulong>();
        var key = 0u;
        return () =>
        {
            map.Update(key, key);
            map.TryLookup(key, out _);
            map.Delete(key);
            key = (key + 1) % 512;
        };
    }

    /// <summary>A connection, and a listener where there is none.</summary>
    private static Action FindSocket()
    {
        var sockets = new BpfSocketTable();
        var query = new BpfSocketQuery { IsIPv6 = true, Protocol = 6, LocalAddress = 1, LocalPort = 80, RemoteAddress = 2, RemotePort = 4000, Ifindex = 3 };
        var listener = new BpfSocket { Family = 10, Protocol = 6, LocalPort = 80, State = BpfSocketState.Listen };
        var connection = new BpfSocket
        {
            Family = 10,
            Protocol = 6,
            LocalAddress = 1,
            LocalPort = 80,
            RemoteAddress = 2,
            RemotePort = 4000,
            State = BpfSocketState.Established,
        };
        if (!sockets.TryAdd(listener) || !sockets.TryAdd(connection))
            throw new InvalidOperationException("the sockets are taken");
        return () =>
        {
            if (sockets.Find(query) != connection || sockets.Find(query with { RemotePort = 4001 }) != listener)
                throw new InvalidOperationException("another socket was found");
        };
    }

    private static Action FileKey()
    {
        var wheel = new ExpiryWheel<CtTuple>(0);
        var second = 0u;
        var count = 0;
        Action<CtTuple> due = _ => count++;
        return () =>
        {
            wheel.Add(default, second + 10);
            if (++second % 64 == 0)
                wheel.Turn(second, due);
        };
    }

    private sealed record Row(int Key);
}
