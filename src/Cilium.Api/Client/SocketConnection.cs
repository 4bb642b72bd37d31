using System.Net.Sockets;

namespace Cilium.Api;

/// <summary>A connection by the framework's socket, which connects when it first sends: only then it is known how long that may take.</summary>
internal sealed class SocketConnection(string socketPath) : IAgentConnection
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public TimeSpan Patience
    {
        set => _socket.SendTimeout = _socket.ReceiveTimeout = (int)Math.Clamp(value.TotalMilliseconds, 1, int.MaxValue);
    }

    public bool IsQuiet => _socket.Connected && !_socket.Poll(0, SelectMode.SelectRead);

    public void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (!_socket.Connected)
            {
                _socket.Connect(new UnixDomainSocketEndPoint(socketPath));
            }

            while (!bytes.IsEmpty)
            {
                bytes = bytes[_socket.Send(bytes)..];
            }
        }
        catch (SocketException exception)
        {
            throw Translate(exception);
        }
    }

    public int Receive(Span<byte> buffer)
    {
        try
        {
            return _socket.Receive(buffer);
        }
        catch (SocketException exception)
        {
            throw Translate(exception);
        }
    }

    public void Dispose() => _socket.Dispose();

    private static Exception Translate(SocketException exception) => exception.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock
        ? new TimeoutException(exception.Message, exception)
        : new IOException(exception.Message, exception);
}
