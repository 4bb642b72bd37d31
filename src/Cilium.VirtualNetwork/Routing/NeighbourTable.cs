using Cilium.Core;

namespace Cilium.VirtualNetwork;

/// <summary>
/// Who has which Ethernet address on the links of a namespace. What is not known is asked for on the link (ARP, neighbour solicitation); frames
/// wait for the answer. What was learnt stays.
/// </summary>
public sealed class NeighbourTable
{
    /// <summary>Frames that wait for one neighbour, at most.</summary>
    private const int MaximumWaiting = 64;

    private readonly VirtualNamespace _namespace;
    private readonly Dictionary<(VirtualInterface Device, IpAddr Address), MacAddress> _known = [];
    private readonly Dictionary<(VirtualInterface Device, IpAddr Address), Queue<Frame>> _waiting = [];

    internal NeighbourTable(VirtualNamespace ns) => _namespace = ns;

    /// <summary>What is known.</summary>
    public IReadOnlyDictionary<(VirtualInterface Device, IpAddr Address), MacAddress> Known => _known;

    /// <summary>Tells a neighbour; frames that wait for it leave.</summary>
    public void Set(VirtualInterface device, IpAddr address, MacAddress mac)
    {
        _known[(device, address)] = mac;
        if (!_waiting.Remove((device, address), out var frames))
            return;
        foreach (var frame in frames)
            Send(device, frame, mac);
    }

    /// <summary>Forgets a neighbour; false when it was not known.</summary>
    public bool Remove(VirtualInterface device, IpAddr address) => _known.Remove((device, address));

    internal MacAddress? Find(VirtualInterface device, IpAddr address) =>
        _known.TryGetValue((device, address), out var mac) ? mac : device.IsWithoutNeighbours ? device.Mac : null;

    /// <summary>Sends a frame to a neighbour, now or when it is known.</summary>
    internal void Resolve(VirtualInterface device, Frame frame, IpAddr address)
    {
        if (Find(device, address) is { } mac)
        {
            Send(device, frame, mac);
            return;
        }
        if (_waiting.TryGetValue((device, address), out var frames))
        {
            if (frames.Count >= MaximumWaiting)
                device.Fabric.Drop(frame, device, DropCause.NeighbourQueueFull);
            else
                frames.Enqueue(frame);
            return;
        }
        _waiting[(device, address)] = new Queue<Frame>([frame]);
        device.Fabric.Wait(_namespace);
        if (AddressResolution.Question(device, address) is { } question)
            device.Fabric.Leave(device.Fabric.Take(question), device);
    }

    /// <summary>Nobody will answer any more: what waits comes to its end.</summary>
    internal void FailUnresolved()
    {
        var waiting = _waiting.ToArray();
        _waiting.Clear();
        foreach (var ((device, _), frames) in waiting)
        {
            foreach (var frame in frames)
                _namespace.Refuse(device, frame, DropCause.NoNeighbour);
        }
    }

    internal void RemoveBy(VirtualInterface device)
    {
        foreach (var key in _known.Keys.Where(key => ReferenceEquals(key.Device, device)).ToArray())
            _known.Remove(key);
        foreach (var (key, frames) in _waiting.Where(entry => ReferenceEquals(entry.Key.Device, device)).ToArray())
        {
            _waiting.Remove(key);
            foreach (var frame in frames)
                device.Fabric.Drop(frame, device, DropCause.DeviceDown);
        }
    }

    private static void Send(VirtualInterface device, Frame frame, MacAddress mac)
    {
        var ethernet = frame.Packet.Edit();
        mac.WriteBytes(ethernet);
        device.Mac.WriteBytes(ethernet[6..]);
        device.Fabric.Leave(frame, device);
    }
}
