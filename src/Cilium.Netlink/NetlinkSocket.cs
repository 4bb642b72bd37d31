using System.Runtime.InteropServices;
using Cilium.Netlink.Messages;
using Cilium.Netlink.Native;

namespace Cilium.Netlink;

/// <summary>
/// A socket to the kernel's routing tables, or to its sockets. It belongs for life to the network namespace it was opened in, whatever thread uses it;
/// one thread at a time.
/// </summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    private const int Interrupted = 4;
    private const int DumpAttempts = 10;
    private const int AcknowledgementBytes = 2048;
    private const int DatagramBytes = 64 * 1024;
    private readonly FileHandle _socket;
    private byte[] _buffer = [];
    private uint _sequence;

    private NetlinkSocket(FileHandle socket) => _socket = socket;

    internal delegate void MessageHandler<TState>(ushort type, ReadOnlySpan<byte> payload, TState state);

    internal FileHandle Handle => _socket;

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static NetlinkSocket Open() => Open(groups: []);

    internal static NetlinkSocket Open(ReadOnlySpan<int> groups) => Open(Nl.RouteProtocol, "route", groups);

    /// <summary>Opens a socket to the kernel's diagnosis of sockets, in the calling thread's network namespace.</summary>
    internal static NetlinkSocket OpenDiagnosis() => Open(Nl.SocketDiagnosisProtocol, "sock_diag", []);

    private static NetlinkSocket Open(int protocol, string name, ReadOnlySpan<int> groups)
    {
        var fd = Libc.socket(Libc.AfNetlink, Libc.SockRaw | Libc.CloseOnExec, protocol);
        var handle = FileHandle.Own(fd, "socket(AF_NETLINK)", name);
        var socket = new NetlinkSocket(handle);
        var address = new Libc.NetlinkAddress { Family = Libc.AfNetlink };
        if (Libc.bind(handle, &address, sizeof(Libc.NetlinkAddress)) != 0)
            throw new NetlinkException("bind(AF_NETLINK)", Marshal.GetLastPInvokeError(), name);
        // Refusals come with a text; the request is not sent back; dumps honour filters. Old kernels lack some: not an error.
        socket.SetOption(Nl.ExtendedAck, 1);
        socket.SetOption(Nl.CapAck, 1);
        socket.SetOption(Nl.StrictCheck, 1);
        foreach (var group in groups)
        {
            if (!socket.SetOption(Nl.AddMembership, group))
                throw new NetlinkException("setsockopt(NETLINK_ADD_MEMBERSHIP)", Marshal.GetLastPInvokeError(), $"group {group}");
        }
        return socket;
    }

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _socket.Dispose();

    /// <summary>Sends a request and waits for its acknowledgement.</summary>
    internal void Execute(MessageWriter request, string call, string target)
    {
        var result = TryExecute(request, call, target, out var reason);
        if (result != 0)
            throw new NetlinkException(call, result, target, reason);
    }

    /// <summary>Sends a request and returns the errno of its acknowledgement, zero for success.</summary>
    internal int TryExecute(MessageWriter request, string call, string target, out string? reason) =>
        Exchange<object?>(request, Nl.Ack, null, null, call, target, out reason);

    /// <summary>Sends a request for one object; its answer goes to the handler. Returns an errno, zero for success.</summary>
    internal int TryGet<TState>(MessageWriter request, MessageHandler<TState> handler, TState state, string call, string target) =>
        Exchange(request, Nl.Ack, handler, state, call, target, out _);

    /// <summary>Reads a whole table, again from the start when it changed under the reader.</summary>
    internal List<T> Dump<T>(Action<MessageWriter> request, MessageHandler<List<T>> parse, string call)
    {
        var writer = new MessageWriter();
        for (var attempt = 1; ; attempt++)
        {
            var rows = new List<T>();
            request(writer);
            var result = Exchange(writer, Nl.Dump, parse, rows, call, "dump", out var reason);
            if (result == 0)
                return rows;
            if (result != Interrupted || attempt == DumpAttempts)
                throw new NetlinkException(call, result, "dump", reason);
        }
    }

    /// <summary>Receives one datagram. Returns its bytes, valid until the next call, or an errno.</summary>
    internal int TryReceive(out ReadOnlySpan<byte> datagram) => TryReceive(DatagramBytes, out datagram);

    private int TryReceive(int longest, out ReadOnlySpan<byte> datagram)
    {
        // A process that only makes a device never needs the large one: sixteen pages that the collector clears.
        if (_buffer.Length < longest)
            _buffer = GC.AllocateUninitializedArray<byte>(longest);
        while (true)
        {
            nint received;
            fixed (byte* p = _buffer)
                received = Libc.recv(_socket, p, _buffer.Length, 0);
            if (received >= 0)
            {
                datagram = _buffer.AsSpan(0, (int)received);
                return 0;
            }
            var errno = Marshal.GetLastPInvokeError();
            if (errno == Interrupted)
                continue;
            datagram = default;
            return errno;
        }
    }

    private int Exchange<TState>(
        MessageWriter request, ushort flags, MessageHandler<TState>? handler, TState state, string call, string target, out string? reason)
    {
        reason = null;
        var sequence = ++_sequence;
        Send(request, flags, sequence, call, target);
        var wasInterrupted = false;
        while (true)
        {
            if (TryReceive(handler is null ? AcknowledgementBytes : DatagramBytes, out var datagram) is var errno and not 0)
                return errno;
            var messages = new MessageReader(datagram);
            while (messages.Next())
            {
                if (messages.Sequence != sequence)
                    continue;
                wasInterrupted |= (messages.Flags & Nl.DumpInterrupted) != 0;
                switch (messages.Type)
                {
                    case Nl.Error or Nl.Done:
                        var result = -messages.Result;
                        if (result != 0)
                            reason = messages.Reason();
                        return result == 0 && wasInterrupted ? Interrupted : Math.Max(result, 0);
                    default:
                        handler?.Invoke(messages.Type, messages.Payload, state);
                        break;
                }
            }
        }
    }

    private void Send(MessageWriter request, ushort flags, uint sequence, string call, string target)
    {
        request.AddFlags(flags);
        var message = request.Finish(sequence);
        fixed (byte* p = message)
        {
            while (Libc.send(_socket, p, message.Length, 0) < 0)
            {
                if (Marshal.GetLastPInvokeError() is var errno && errno != Interrupted)
                    throw new NetlinkException(call, errno, target);
            }
        }
    }

    private bool SetOption(int option, int value) => Libc.setsockopt(_socket, Libc.SolNetlink, option, &value, sizeof(int)) == 0;
}
