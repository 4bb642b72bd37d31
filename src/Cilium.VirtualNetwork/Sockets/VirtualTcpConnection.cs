using Cilium.Bpf;
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
    public TcpState State { get; private set; }

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
        State = State == TcpState.Established ? TcpState.Closing : TcpState.Closed;
    }

    /// <summary>Forgets the connection without a word; what programs stored on its socket ends.</summary>
    public void Dispose()
    {
        _table.Remove(this);
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
        State = TcpState.Opening;
        _table.Register(this);
        Put(TcpFlags.Syn, []);
    }

    internal void Answer(in TcpSegment segment)
    {
        (Local, Remote) = (segment.Destination, segment.Source);
        _expected = segment.Sequence + 1;
        State = TcpState.Answering;
        _table.Register(this);
        Put(TcpFlags.Syn | TcpFlags.Ack, []);
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

    private void End(TcpState state)
    {
        State = state;
        _table.Remove(this);
    }

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
