using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Policies;

namespace Cilium.DatapathTests;

/// <summary>An event with its captured bytes.</summary>
internal sealed record SeenEvent(PacketEventHeader Header, byte[] Captured)
{
    internal DropReason Reason => (DropReason)Header.Subtype;

    internal TracePoint Point => (TracePoint)Header.Subtype;

    internal MatchType Match => (MatchType)(Header.PolicyFlags >> 3 & 7);
}

/// <summary>What a program made of a packet.</summary>
internal sealed record Outcome(int Verdict, byte[] Packet, uint Mark, IReadOnlyList<SeenEvent> Events)
{
    internal const int Pass = 0;
    internal const int Shot = 2;
    internal const int Redirect = 7;

    internal SeenEvent? Drop => Events.FirstOrDefault(e => e.Header.Type == EventType.Drop);

    internal SeenEvent? Trace => Events.FirstOrDefault(e => e.Header.Type == EventType.Trace);

    internal IEnumerable<SeenEvent> Verdicts => Events.Where(e => e.Header.Type == EventType.PolicyVerdict);

    /// <summary>The packet was forwarded and its trace event says where to.</summary>
    internal void WentTo(TracePoint point, int verdict = Redirect)
    {
        Assert.True(Drop is null, $"dropped: {Drop?.Reason} line {Drop?.Header.Line}");
        Assert.Equal(verdict, Verdict);
        Assert.Equal(point, Assert.IsType<SeenEvent>(Trace).Point);
    }

    /// <summary>The packet was forwarded, and aggregation kept quiet about it.</summary>
    internal void WentQuietly()
    {
        Assert.True(Drop is null, $"dropped: {Drop?.Reason} line {Drop?.Header.Line}");
        Assert.Equal(Redirect, Verdict);
        Assert.Empty(Events);
    }

    internal void WasDropped(DropReason reason)
    {
        Assert.Equal(Shot, Verdict);
        Assert.Equal(reason, Assert.IsType<SeenEvent>(Drop).Reason);
        Assert.NotEqual(0, Drop!.Header.Line);
    }
}

/// <summary>The shipped objects, loaded with constants of a test and with maps of their own, run packet by packet.</summary>
internal sealed class Bench : IDisposable, IRingBufferSink
{
    internal const uint Device = 1;

    private const int ContextBytes = 192;
    private const int ContextMark = 8;
    private const int ContextIngressIfindex = 36;
    private const int ContextIfindex = 40;

    private readonly Dictionary<string, BpfMap> _maps = [];
    private readonly Dictionary<string, BpfProgram> _programs = [];
    private readonly List<SeenEvent> _seen = [];
    private readonly RingBufferReader _events;
    private readonly BpfEngine _engine;

    internal Bench(string[] objects, Action<BpfObject>? constants = null, BpfEngine? engine = null)
    {
        _engine = engine ?? TestEngine.Create();
        foreach (var name in objects)
        {
            using var obj = Open(name, _engine);
            obj.SetConstant("router_ipv4", Address("10.0.0.1"));
            obj.SetConstant("router_ipv6", Address("fd00::1"));
            obj.SetConstant("node_ipv4", Address("192.168.0.1"));
            obj.SetConstant("node_ipv6", Address("fd77::1"));
            obj.SetConstant("overlay_ifindex", 77u);
            constants?.Invoke(obj);
            foreach (var map in obj.Maps.Where(m => m.Name.StartsWith("cilium_", StringComparison.Ordinal)))
            {
                if (_maps.TryGetValue(map.Name, out var existing))
                    obj.ReuseMap(map.Name, existing);
                else if (map.Shape.Type is MapType.LruHash or MapType.LpmTrie)
                    obj.SetMaxEntries(map.Name, 4096);
                else if (map.Name == "cilium_policy_stats")
                    obj.SetMaxEntries(map.Name, PolicyStatistics.Counters * (uint)_engine.Cpus);
            }
            obj.Load();
            foreach (var map in obj.Maps.Where(m => m.Name.StartsWith("cilium_", StringComparison.Ordinal) && !_maps.ContainsKey(m.Name)))
                _maps[map.Name] = obj.Map(map.Name);
            foreach (var program in obj.Programs)
                _programs[program.Name] = obj.Program(program.Name);
        }
        _events = new RingBufferReader(_maps["cilium_events"]);
    }

    internal static Addr128 Address(string text) => Addr128.From(System.Net.IPAddress.Parse(text));

    internal BpfEngine Engine => _engine;

    internal static BpfObject Open(string name, BpfEngine? engine = null) => Open(typeof(CStructAttribute).Assembly, $"bpf/{name}.bpf.o", engine);

    internal static BpfObject Open(System.Reflection.Assembly assembly, string resource, BpfEngine? engine = null)
    {
        using var stream = assembly.GetManifestResourceStream(resource) ?? throw new InvalidOperationException($"no object {resource}");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return BpfObject.Open(resource.Replace('/', '_').Replace('.', '_'), bytes, engine ?? BpfEngine.Kernel);
    }

    internal BpfMap<TKey, TValue> Map<TKey, TValue>(string name)
        where TKey : unmanaged
        where TValue : unmanaged => _maps[name].As<TKey, TValue>();

    internal BpfMap Map(string name) => _maps[name];

    internal IEnumerable<string> ProgramNames => _programs.Keys;

    internal BpfProgram Program(string name) => _programs[name];

    /// <summary>Runs a program on a packet that is on device 1. <paramref name="ingress"/> is the device it came in by, 0: none.</summary>
    internal Outcome Run(string program, byte[] packet, uint mark = 0, uint ingress = 0)
    {
        var context = new byte[ContextBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(context.AsSpan(ContextMark), mark);
        BinaryPrimitives.WriteUInt32LittleEndian(context.AsSpan(ContextIngressIfindex), ingress);
        BinaryPrimitives.WriteUInt32LittleEndian(context.AsSpan(ContextIfindex), Device);
        var output = new byte[4096];
        _ = _events.Drain(this);
        _seen.Clear();
        var run = _programs[program].TestRun(packet, output, context);
        _ = _events.Drain(this);
        return new Outcome(run.Verdict, output[..run.DataBytes], BinaryPrimitives.ReadUInt32LittleEndian(context.AsSpan(ContextMark)), [.. _seen]);
    }

    /// <summary>Runs a program on a packet of an engine of this process, which brings its network namespace along.</summary>
    internal Outcome Run(string program, BpfPacket packet)
    {
        packet.Ifindex = Device;
        _ = _events.Drain(this);
        _seen.Clear();
        var verdict = _programs[program].Run(packet);
        _ = _events.Drain(this);
        return new Outcome(verdict, packet.Bytes.ToArray(), packet.Mark, [.. _seen]);
    }

    /// <summary>Waits for an event of packets that flow by themselves; null after twenty seconds.</summary>
    internal SeenEvent? Await(Func<SeenEvent, bool> wanted)
    {
        var end = Environment.TickCount64 + 20_000;
        do
        {
            _ = _events.Wait(TimeSpan.FromMilliseconds(10));
            _ = _events.Drain(this);
            if (_seen.Find(e => wanted(e)) is { } found)
                return found;
        }
        while (Environment.TickCount64 < end);
        return null;
    }

    public void OnRecord(ReadOnlySpan<byte> record)
    {
        var header = MemoryMarshal.Read<PacketEventHeader>(record);
        _seen.Add(new SeenEvent(header, record.Slice(Marshal.SizeOf<PacketEventHeader>(), header.CapturedLength).ToArray()));
    }

    /// <summary>How often a reason was counted.</summary>
    internal ulong Dropped(DropReason reason)
    {
        var map = new PerCpuBpfMap<MetricsKey, MetricsValue>(_maps["cilium_metrics"]);
        return map.Fold(0UL, (sum, value) => sum + value.Count).Where(e => e.Key.Reason == reason).Aggregate(0UL, (sum, e) => sum + e.Value);
    }

    public void Dispose()
    {
        _events.Dispose();
        foreach (var program in _programs.Values)
            program.Dispose();
        foreach (var map in _maps.Values)
            map.Dispose();
    }
}
