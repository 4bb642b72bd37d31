using System.Runtime.InteropServices;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.Maps;

namespace Cilium.DatapathTests;

/// <summary>What an observer of a run is told.</summary>
public sealed class ObserverTests : IBpfObserver
{
    private readonly List<string> _entered = [];
    private readonly Dictionary<string, string?> _callers = [];
    private readonly List<(string Name, string? Map, byte[] Key, byte[] Value, string? Line)> _calls = [];

    [Theory, InlineData(ExecutionForm.Interpreted), InlineData(ExecutionForm.Compiled)]
    public void Every_lookup_is_told_with_key_value_and_source_line_down_to_the_drop(ExecutionForm form)
    {
        using var node = new Node(4, a: EndpointFlags.EgressEnforced, engine: new InProcessEngine(new InProcessOptions { Form = form }));
        node.SetPolicy(Node.EndpointA);
        using var packet = new BpfPacket();
        packet.Load(Frame.TcpSegment(node.A, node.B, 40000, 80, Frame.Syn));
        packet.Ifindex = Bench.Device;
        Assert.Equal(Outcome.Shot, node.Bench.Program("cil_from_container").Run(packet, this));
        Assert.Equal(("cil_from_container", "policy_evaluate"), (_entered[0], Assert.Single(_entered, name => name == "policy_evaluate")));
        Assert.Null(_callers["cil_from_container"]);
        Assert.Contains("policy.h:", _callers["policy_evaluate"], StringComparison.Ordinal);
        var destination = Assert.Single(_calls, call => call.Map == "cilium_lxc");
        Assert.Equal(Bench.Address(node.B), MemoryMarshal.Read<Addr128>(destination.Key));
        Assert.Equal(Node.IdentityB, MemoryMarshal.Read<EndpointRow>(destination.Value).Identity);
        Assert.Contains("endpoint.h:", destination.Line, StringComparison.Ordinal);
        Assert.All(_calls.Where(call => call.Map == "policy"), call => Assert.Empty(call.Value));
        var counted = Assert.Single(_calls, call => call is { Map: "cilium_metrics", Name: "map_update_elem" });
        var metrics = MemoryMarshal.Read<MetricsKey>(counted.Key);
        Assert.Equal(DropReason.Policy, metrics.Reason);
        Assert.Contains(node.Bench.Program("cil_from_container").SourceLines(metrics.Line), line => line.Contains("return drop(ctx, flow, ret);", StringComparison.Ordinal));
    }

    void IBpfObserver.OnEnter(string program, string function, string? calledFrom)
    {
        _entered.Add(function);
        _callers[function] = calledFrom;
    }

    void IBpfObserver.OnCall(in BpfCall call) => _calls.Add((call.Name, call.Map, call.Key.ToArray(), call.Value.ToArray(), call.SourceLine));
}
