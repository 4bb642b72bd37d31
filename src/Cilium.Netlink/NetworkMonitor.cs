using System.Threading.Channels;
using Cilium.Netlink.Messages;
using Cilium.Netlink.Native;

namespace Cilium.Netlink;

/// <summary>Changes of one network namespace as they happen, from the moment it was opened.</summary>
public sealed class NetworkMonitor : IDisposable
{
    private const int NoBuffers = 105;
    private const int QueueLength = 4096;

    /// <summary>How often a full queue is tried again when a loss has to be told.</summary>
    private const int OwedLossMilliseconds = 100;

    private const int Forever = -1;
    private readonly NetlinkSocket _socket;
    private readonly FileHandle _stop;
    private readonly Channel<NetworkChange> _changes = Channel.CreateBounded<NetworkChange>(
        new BoundedChannelOptions(QueueLength) { SingleReader = true, SingleWriter = true });
    private readonly Thread _thread;
    private int _isDisposed;

    private NetworkMonitor(NetlinkSocket socket)
    {
        const int nonBlocking = 0x800;
        _socket = socket;
        _stop = FileHandle.Own(Libc.eventfd(0, Libc.CloseOnExec | nonBlocking), "eventfd", "network monitor");
        _thread = new Thread(Receive) { IsBackground = true, Name = "network monitor" };
        _thread.Start();
    }

    /// <summary>Watches the calling thread's namespace.</summary>
    public static NetworkMonitor Open(NetworkWatches watches) => new(NetlinkSocket.Open(Groups(watches)));

    /// <summary>Watches another namespace.</summary>
    public static NetworkMonitor Open(NetworkNamespace ns, NetworkWatches watches) =>
        new(ns.Run(() => NetlinkSocket.Open(Groups(watches))));

    /// <summary>The changes, in order; one reader.</summary>
    public IAsyncEnumerable<NetworkChange> ReadAllAsync(CancellationToken cancellationToken) => _changes.Reader.ReadAllAsync(cancellationToken);

    /// <summary>Ends the watch; readers see the end.</summary>
    public unsafe void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        var one = 1ul;
        _ = Libc.write(_stop, &one, sizeof(ulong));
        _thread.Join();
        _socket.Dispose();
        _stop.Dispose();
    }

    private static int[] Groups(NetworkWatches watches)
    {
        var groups = new List<int>();
        if (watches.HasFlag(NetworkWatches.Links))
            groups.Add(1);
        if (watches.HasFlag(NetworkWatches.Neighbours))
            groups.Add(3);
        if (watches.HasFlag(NetworkWatches.Addresses))
            groups.AddRange([5, 9]);
        if (watches.HasFlag(NetworkWatches.Routes))
            groups.AddRange([7, 11]);
        return [.. groups];
    }

    private static NetworkChange? Decode(ushort type, ReadOnlySpan<byte> payload) => type switch
    {
        Rtm.NewLink or Rtm.DeleteLink => new NetworkChange { IsDeleted = type == Rtm.DeleteLink, Link = LinkMessages.Parse(payload) },
        Rtm.NewAddress or Rtm.DeleteAddress =>
            new NetworkChange { IsDeleted = type == Rtm.DeleteAddress, Address = AddressMessages.Parse(payload) },
        Rtm.NewRoute or Rtm.DeleteRoute => new NetworkChange { IsDeleted = type == Rtm.DeleteRoute, Route = RouteMessages.Parse(payload) },
        Rtm.NewNeighbour or Rtm.DeleteNeighbour =>
            new NetworkChange { IsDeleted = type == Rtm.DeleteNeighbour, Neighbour = NeighbourMessages.Parse(payload) },
        _ => null,
    };

    private unsafe void Receive()
    {
        var polls = stackalloc Libc.PollFd[2];
        var owesLoss = false;
        while (true)
        {
            polls[0] = new Libc.PollFd { Fd = _socket.Handle.Number, Events = Libc.PollIn };
            polls[1] = new Libc.PollFd { Fd = _stop.Number, Events = Libc.PollIn };
            // A loss that the full queue did not take is told when the reader has made room, whether or not anything else happens.
            if (Libc.poll(polls, 2, owesLoss ? OwedLossMilliseconds : Forever) < 0)
                continue;
            if (polls[1].Returned != 0)
                break;
            if (polls[0].Returned != 0)
            {
                switch (_socket.TryReceive(out var datagram))
                {
                    case 0:
                        owesLoss |= !TryQueue(datagram);
                        break;
                    case NoBuffers:
                        owesLoss = true;
                        break;
                    case var errno:
                        _changes.Writer.Complete(new NetlinkException("recv", errno, "network monitor"));
                        return;
                }
            }
            if (owesLoss)
                owesLoss = !_changes.Writer.TryWrite(new NetworkChange { WasLost = true });
        }
        _changes.Writer.Complete();
    }

    /// <summary>Queues the changes of a datagram. Returns false when one did not fit.</summary>
    private bool TryQueue(ReadOnlySpan<byte> datagram)
    {
        var fits = true;
        var messages = new MessageReader(datagram);
        while (messages.Next())
        {
            if (Decode(messages.Type, messages.Payload) is { } change && HasObject(change))
                fits &= _changes.Writer.TryWrite(change);
        }
        return fits;
    }

    private static bool HasObject(NetworkChange change) =>
        change.Link is not null || change.Address is not null || change.Route is not null || change.Neighbour is not null;
}
