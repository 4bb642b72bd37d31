using Cilium.Bpf;
using Cilium.Datapath.Events;
using Cilium.Datapath.Maps;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Explaining;

/// <summary>
/// Sends one packet and concludes what became of it. Whoever gets a packet takes it and says nothing, so that the way is that of the first packet
/// alone.
/// </summary>
/// <param name="fabric">The network.</param>
/// <param name="names">Who identities are.</param>
/// <param name="decisions">Whose policies there are.</param>
/// <param name="events">The events by node.</param>
/// <param name="drain">Fetches the events that programs have made.</param>
internal sealed class PacketTrial(Fabric fabric, IdentityNames names, Decisions decisions, IReadOnlyDictionary<string, EventLog> events, Action drain)
{
    private const int NoRouteToHost = 113;
    private readonly List<(VirtualNamespace Namespace, bool IsIcmpError)> _taken = [];
    private string? _left;

    /// <summary>Makes a namespace take what it gets.</summary>
    internal void Watch(VirtualNamespace ns) => ns.Sink = (_, frame) =>
    {
        _taken.Add((ns, IsIcmpError(frame)));
        return true;
    };

    /// <summary>Says that the packet has left what is simulated.</summary>
    internal void Leave(string where) => _left = where;

    /// <summary>Sends, and tells the walk.</summary>
    /// <param name="asked">What is known before.</param>
    /// <param name="isDetailed">Whether calls of programs are watched.</param>
    /// <param name="send">Sends the packet; returns the error of the socket call, or zero.</param>
    internal Walk Run(Walk asked, bool isDetailed, Func<int> send)
    {
        // 1. Forget the packet before; 2. send; 3. gather what was seen.
        drain();
        foreach (var log in events.Values)
            log.Clear();
        _taken.Clear();
        _left = null;
        var recorder = new WalkRecorder(new LookupText(names), isDetailed, events.ContainsKey);
        fabric.Observer = recorder;
        var error = send();
        fabric.Run();
        fabric.Observer = null;
        drain();
        return Conclude(asked with { Steps = [.. recorder.Steps], Decisions = [.. decisions.Of(recorder, events)] }, recorder, error);
    }

    private Walk Conclude(Walk walk, WalkRecorder recorder, int error)
    {
        if (error != 0)
        {
            var meaning = error == NoRouteToHost ? " (no route to host: the service has no backends)" : "";
            return walk with { Outcome = Outcome.Refused, Where = $"socket in {walk.From}", Reason = $"the call fails with error {error}{meaning}" };
        }
        if (_left is { } left)
            return walk with { Where = left, Packet = recorder.Last() };
        if (_taken.FindIndex(taken => !taken.IsIcmpError) is >= 0 and var index)
            return walk with { Where = _taken[index].Namespace.Name, Packet = recorder.Last() };
        if (_taken.Count > 0)
            return walk with { Outcome = Outcome.Refused, Where = _taken[0].Namespace.Name, Reason = "an ICMP error came back", Packet = recorder.Last() };
        var (cause, device) = recorder.Drop ?? throw new InvalidOperationException($"the packet from {walk.From} to {walk.To} vanished");
        var where = $"{device.Namespace.Name} {device.Name}";
        if (cause != DropCause.Program)
            return walk with { Outcome = Outcome.Dropped, Where = where, Reason = $"{cause}" };
        var drop = events[device.Namespace.Node.Name].Events.Last(e => e.Type == DatapathEventType.Drop);
        return walk with
        {
            Outcome = Outcome.Dropped,
            Where = where,
            Reason = $"{(DropReason)drop.SubType}",
            DropReason = drop.SubType,
            SourceLine = LineOf(recorder.Dropper!, drop),
        };
    }

    /// <summary>Where it was dropped: the event has the number of the line, the program the lines that it was made from.</summary>
    private static string LineOf(BpfProgram program, DatapathEvent drop) =>
        program.SourceLines(drop.Line).FirstOrDefault(line => line.Contains("drop(", StringComparison.Ordinal))
        ?? $"{(SourceFile)drop.File}, line {drop.Line}";

    private static bool IsIcmpError(ReadOnlySpan<byte> frame)
    {
        const int ethernet = 14;
        return (frame[ethernet] >> 4) switch
        {
            4 => frame[ethernet + 9] == 1 && frame[ethernet + ((frame[ethernet] & 0xF) * 4)] is not (0 or 8),
            6 => frame[ethernet + 6] == 58 && frame[ethernet + 40] < 128,
            _ => false,
        };
    }
}
