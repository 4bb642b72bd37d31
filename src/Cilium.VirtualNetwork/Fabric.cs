using Cilium.Bpf;
using Cilium.Bpf.InProcess;

namespace Cilium.VirtualNetwork;

/// <summary>
/// The whole of a virtual network: nodes, segments between them, and one queue of frames. Nothing moves unless <see cref="Run(long)"/> is called, and
/// then on the calling thread, in an order that depends on nothing else. Not safe for use from many threads.
/// </summary>
public sealed class Fabric : IDisposable
{
    private readonly Queue<(Frame Frame, VirtualInterface Device, bool IsArrival)> _queue = new();
    private readonly Stack<Frame> _free = new();
    private readonly List<VirtualNode> _nodes = [];
    private readonly List<VirtualNamespace> _waiting = [];
    private ulong _nextMac = 0x02_00_00_00_00_01;

    /// <summary>Makes an empty fabric.</summary>
    /// <param name="options">Clock, random source and limits; null for the defaults.</param>
    public Fabric(FabricOptions? options = null) => Options = options ?? new FabricOptions();

    /// <summary>As given.</summary>
    public FabricOptions Options { get; }

    /// <summary>The nodes, in the order of their making.</summary>
    public IReadOnlyList<VirtualNode> Nodes => _nodes;

    /// <summary>Who watches; null for nobody.</summary>
    public IFabricObserver? Observer { get; set; }

    /// <summary>Whether nothing moves before something comes in.</summary>
    public bool IsIdle => _queue.Count == 0 && (_waiting.Count == 0 || !Options.IsClosed);

    /// <summary>Frames that came to an end before their destination, by cause.</summary>
    public Dictionary<DropCause, long> Drops { get; } = [];

    /// <summary>Adds a node: a kernel of its own, with a network namespace.</summary>
    /// <param name="name">Its name, for messages.</param>
    /// <param name="engine">Where its programs run; null for an engine of its own.</param>
    public VirtualNode AddNode(string name, InProcessEngine? engine = null)
    {
        var node = new VirtualNode(this, name, engine ?? new InProcessEngine(new InProcessOptions { Time = Options.Time, Random = Options.Random, Form = Options.Form, Code = Options.Code }));
        _nodes.Add(node);
        return node;
    }

    /// <summary>Adds a segment: what one device on it sends, the addressed ones get, as behind a switch.</summary>
    public VirtualSegment AddSegment(string name) => new(this, name);

    /// <summary>Moves frames until none is left, or as many steps as allowed were made. A step is a frame on one device.</summary>
    /// <param name="maximumSteps">Steps to make at most.</param>
    /// <returns>The steps that were made.</returns>
    public long Run(long maximumSteps = long.MaxValue)
    {
        var steps = 0L;
        while (steps < maximumSteps)
        {
            if (_queue.TryDequeue(out var work))
            {
                steps++;
                Step(work.Frame, work.Device, work.IsArrival);
                continue;
            }
            if (_waiting.Count == 0 || !Options.IsClosed)
                return steps;
            GiveUpWaiting();
        }
        return steps;
    }

    /// <summary>Ends the frames that wait for an Ethernet address; their senders are told when the fabric runs.</summary>
    public void GiveUpWaiting()
    {
        var waiting = _waiting.ToArray();
        _waiting.Clear();
        foreach (var ns in waiting)
            ns.Neighbours.FailUnresolved();
    }

    /// <summary>Frees the memory of packets.</summary>
    public void Dispose()
    {
        while (_queue.TryDequeue(out var work))
            work.Frame.Dispose();
        while (_free.TryPop(out var frame))
            frame.Dispose();
    }

    internal ulong NextMac() => _nextMac++;

    /// <summary>A frame with these bytes, which knows nothing yet.</summary>
    internal Frame Take(ReadOnlySpan<byte> bytes)
    {
        var frame = _free.TryPop(out var free) ? free : new Frame();
        frame.Visits = 0;
        frame.Packet.Load(bytes);
        return frame;
    }

    internal Frame Copy(Frame frame)
    {
        var copy = Derive(frame, frame.Packet.Bytes);
        copy.Packet.GsoSize = frame.Packet.GsoSize;
        copy.Packet.GsoSegments = frame.Packet.GsoSegments;
        copy.Packet.OuterBytes = frame.Packet.OuterBytes;
        return copy;
    }

    /// <summary>A frame with other bytes and what the kernel copies from one to the other (<c>ip_copy_metadata</c>).</summary>
    internal Frame Derive(Frame frame, ReadOnlySpan<byte> bytes)
    {
        var derived = Take(bytes);
        derived.Visits = frame.Visits;
        derived.Packet.Mark = frame.Packet.Mark;
        derived.Packet.Priority = frame.Packet.Priority;
        derived.Packet.IngressIfindex = frame.Packet.IngressIfindex;
        derived.Packet.PacketType = frame.Packet.PacketType;
        return derived;
    }

    internal void GiveBack(Frame frame) => _free.Push(frame);

    internal void Arrive(Frame frame, VirtualInterface device) => _queue.Enqueue((frame, device, true));

    internal void Leave(Frame frame, VirtualInterface device) => _queue.Enqueue((frame, device, false));

    internal void Wait(VirtualNamespace ns)
    {
        if (!_waiting.Contains(ns))
            _waiting.Add(ns);
    }

    internal void Drop(Frame frame, VirtualInterface device, DropCause cause)
    {
        Tell(cause, device, frame);
        GiveBack(frame);
    }

    /// <summary>Counts and tells a drop of a frame that is still needed.</summary>
    internal void Tell(DropCause cause, VirtualInterface device, Frame frame)
    {
        Drops[cause] = Drops.GetValueOrDefault(cause) + 1;
        device.Dropped++;
        Observer?.OnDrop(cause, device, frame.Packet);
    }

    internal int Run(BpfProgram program, BpfContext context) =>
        Observer?.Calls is { } calls ? program.Run(context, calls) : program.Run(context);

    private void Step(Frame frame, VirtualInterface device, bool isArrival)
    {
        if (++frame.Visits > Options.MaximumVisits)
            Drop(frame, device, DropCause.Loop);
        else if (!device.IsUp)
            Drop(frame, device, DropCause.DeviceDown);
        else if (isArrival)
            device.Take(frame);
        else
            device.Give(frame);
    }
}
