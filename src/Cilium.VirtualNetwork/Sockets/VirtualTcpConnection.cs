using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>
/// A TCP connection on a network that keeps the order and, unless something drops, loses nothing: nothing is sent twice, and no window closes.
/// </summary>
public sealed class VirtualTcpConnection : IDisposable
{
    private const int Unreachable = 101;
    private const int LargestSegment = 1024;
    private readonly SocketTable _table;
    private readonly SocketCall _call;
    private readonly ushort _port;
    private readonly MemoryStream _received = new();
    private uint _next;
    private uint _expected;
    private BpfSocket? _entry;
    private TcpState _state;

    internal VirtualTcpConnection(SocketTable table, ushort port, VirtualCgroup cgroup)
    {
        _table = table;
        _port = port;
        Cookie = table.Namespace.Node.NextSocketCookie();
        _call = new SocketCall(table, cgroup, Cookie, FrameWriter.Tcp);
        _next = (uint)table.Namespace.Node.Fabric.Options.Random.Next();
    }

    /// <summary>What programs get from <c>bpf_get_socket_cookie</c>.</summary>
    public ulong Cookie { get; }

    /// <summary>How far it is.</summary>
    public TcpState State
    {
        get => _state;
        private set
        {
            _state = value;
            if (_entry is not null && EntryStateOf(value) is { } state)
                _entry.State = state;
        }
    }

    /// <summary>The error number that refused it; zero when nothing did.</summary>
    public int Error { get; private set; }

    /// <summary>The last error that was told about its packets.</summary>
    public IcmpError? LastError { get; private set; }

    /// <summary>This end.</summary>
    public Endpoint Local { get; private set; }

    /// <summary>The other end, as it is on the wire.</summary>
    public Endpoint Remote { get; private set; }

    /// <summary>All that was received so far.</summary>
    public ReadOnlyMemory<byte> Received => _received.ToArray();

    /// <summary>The other end that the programs let the process see.</summary>
    public Endpoint PeerName()
    {
        var peer = Remote;
        _call.Run(AttachType.CgroupInet4GetPeerName, AttachType.CgroupInet6GetPeerName, ref peer);
        return peer;
    }

    /// <summary>Sends bytes on an established connection.</summary>
    /// <exception cref="InvalidOperationException">It is not established.</exception>
    public void Send(ReadOnlySpan<byte> payload)
    {
        if (State != TcpState.Established)
            throw new InvalidOperationException($"the connection is {State}");
        while (payload.Length > 0)
        {
            var bytes = Math.Min(payload.Length, LargestSegment);
            Put(TcpFlags.Ack | TcpFlags.Push, payload[..bytes]);
            payload = payload[bytes..];
        }
    }

    /// <summary>Says that no more will be sent.</summary>
    public void Close()
    {
        if (State is not (TcpState.Established or TcpState.ClosedByPeer))
            return;
        Put(TcpFlags.Ack | TcpFlags.Fin, []);
        if (State == TcpState.Established)
        {
            State = TcpState.Closing;
            return;
        }
        State = TcpState.Closed;
        _entry!.State = BpfSocketState.LastAck;
    }

    /// <summary>Forgets the connection without a word; what programs stored on its socket ends.</summary>
    public void Dispose()
    {
        Unregister();
        _table.Namespace.Node.Engine.RemoveSocket(Cookie);
        _received.Dispose();
    }

    internal void Begin(Endpoint destination)
    {
        Error = _call.Run(AttachType.CgroupInet4Connect, AttachType.CgroupInet6Connect, ref destination);
        Remote = destination;
        var source = Error == 0 ? _table.Namespace.SourceFor(destination.Address) : default;
        if (Error == 0 && source.IsNone)
            Error = Unreachable;
        if (Error != 0)
        {
            State = TcpState.Refused;
            return;
        }
        Local = new Endpoint(source, _port);
        _entry = Entry(SocketTable.FamilyOf(source), 0, listener: null);
        State = TcpState.Opening;
        _table.Add(_entry);
        Put(TcpFlags.Syn, []);
    }

    /// <summary>Answers a first segment; false when there is a connection between these ends, which the segment has not found on its device.</summary>
    internal bool TryAnswer(in TcpSegment segment, BpfSocket listener)
    {
        (Local, Remote) = (segment.Destination, segment.Source);
        _expected = segment.Sequence + 1;
        _entry = Entry(listener.Family, listener.BoundIfindex, listener);
        State = TcpState.Answering;
        if (!_table.Add(_entry))
            return false;
        Put(TcpFlags.Syn | TcpFlags.Ack, []);
        return true;
    }

    internal void Take(IcmpError error)
    {
        LastError = error;
        if (State == TcpState.Opening)
            End(TcpState.Refused);
    }

    internal void Take(in TcpSegment segment)
    {
        if (segment.Flags.HasFlag(TcpFlags.Rst))
        {
            End(State == TcpState.Opening ? TcpState.Refused : TcpState.Reset);
            return;
        }
        if (State == TcpState.Opening)
        {
            if (!segment.Flags.HasFlag(TcpFlags.Syn | TcpFlags.Ack) || segment.Acknowledged != _next)
                return;
            _expected = segment.Sequence + 1;
            State = TcpState.Established;
            Put(TcpFlags.Ack, []);
            return;
        }
        if (segment.Flags.HasFlag(TcpFlags.Syn) || segment.Sequence != _expected)
            return;
        if (segment.Flags.HasFlag(TcpFlags.Ack) && segment.Acknowledged == _next)
            HearOfEnd();
        if (State == TcpState.Answering && segment.Flags.HasFlag(TcpFlags.Ack))
            State = TcpState.Established;
        _received.Write(segment.Payload);
        _expected += (uint)segment.Payload.Length;
        var isEnd = segment.Flags.HasFlag(TcpFlags.Fin);
        if (isEnd)
        {
            _expected++;
            State = State == TcpState.Closing ? TcpState.Closed : TcpState.ClosedByPeer;
        }
        if (isEnd || segment.Payload.Length > 0)
            Put(TcpFlags.Ack, []);
    }

    /// <summary>The other end knows that this one has closed.</summary>
    private void HearOfEnd()
    {
        if (_entry?.State == BpfSocketState.FinWait1)
            _entry.State = BpfSocketState.FinWait2;
        else if (_entry?.State == BpfSocketState.LastAck)
            Unregister();
    }

    private void End(TcpState state)
    {
        State = state;
        Unregister();
    }

    private void Unregister()
    {
        if (_entry is not null)
            _table.Remove(_entry);
        _entry = null;
    }

    private BpfSocket Entry(uint family, uint device, BpfSocket? listener) => new()
    {
        Family = family,
        Protocol = FrameWriter.Tcp,
        LocalAddress = Local.Address.Value,
        LocalPort = Local.Port,
        RemoteAddress = Remote.Address.Value,
        RemotePort = Remote.Port,
        BoundIfindex = device,
        Listener = listener,
        WasAccepted = listener is not null,
        Cookie = Cookie,
        Owner = this,
    };

    private static BpfSocketState? EntryStateOf(TcpState state) => state switch
    {
        TcpState.Opening => BpfSocketState.SynSent,
        TcpState.Answering => BpfSocketState.NewSynReceived,
        TcpState.Established => BpfSocketState.Established,
        TcpState.Closing => BpfSocketState.FinWait1,
        TcpState.ClosedByPeer => BpfSocketState.CloseWait,
        TcpState.Closed => BpfSocketState.TimeWait,
        _ => null,
    };

    private void Put(TcpFlags flags, ReadOnlySpan<byte> payload)
    {
        _table.Namespace.Output(FrameWriter.TcpSegment(Local, Remote, flags, _next, flags.HasFlag(TcpFlags.Ack) ? _expected : 0, payload));
        _next += (uint)payload.Length + ((flags & (TcpFlags.Syn | TcpFlags.Fin)) != 0 ? 1u : 0);
    }
}

/// <summary>How far a connection is.</summary>
public enum TcpState
{
    /// <summary>Nothing was sent yet.</summary>
    None,
    /// <summary>The first segment is under way, or was dropped on it.</summary>
    Opening,
    /// <summary>The answer to the first segment is under way.</summary>
    Answering,
    /// <summary>Both ends know of each other.</summary>
    Established,
    /// <summary>This end sends no more.</summary>
    Closing,
    /// <summary>The other end sends no more.</summary>
    ClosedByPeer,
    /// <summary>Neither sends any more.</summary>
    Closed,
    /// <summary>It was refused: by a program, for want of a route, or by the other end.</summary>
    Refused,
    /// <summary>The other end broke it off.</summary>
    Reset,
}
