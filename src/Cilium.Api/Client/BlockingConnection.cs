using System.Buffers;
using System.Net.Sockets;

namespace Cilium.Api;

/// <summary>
/// Requests one after another over one Unix socket, on the calling thread: no thread, no poll and no timer is made for them. The connection is
/// made by the first request and kept: to the agent each new one costs as much as a short answer.
/// </summary>
internal sealed class BlockingConnection(string socketPath) : IDisposable
{
    private Socket? _socket;

    /// <exception cref="AgentUnavailableException">Nobody answers.</exception>
    /// <exception cref="OperationCanceledException">It was not done within <paramref name="patience"/>.</exception>
    public (int Status, ReadOnlyMemory<byte> Body) Send(string method, string path, ReadOnlyMemory<byte> body, bool brief, TimeSpan patience)
    {
        try
        {
            var socket = Connected();
            socket.SendTimeout = socket.ReceiveTimeout = (int)Math.Clamp(patience.TotalMilliseconds, 1, int.MaxValue);
            ReadOnlySpan<byte> rest = UnixHttpConnection.RequestBytes(method, path, body, brief, isLast: false);
            while (!rest.IsEmpty)
            {
                rest = rest[socket.Send(rest)..];
            }

            var received = new ArrayBufferWriter<byte>(4096);
            while (true)
            {
                if (UnixHttpConnection.TryFinish(socketPath, received, socket.Receive(received.GetSpan(4096))) is { } answer)
                {
                    return answer;
                }
            }
        }
        catch (SocketException exception)
        {
            Dispose();
            throw exception.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock
                ? new OperationCanceledException($"the agent has not answered {method} {path} in time", exception)
                : new AgentUnavailableException(socketPath, exception.Message, exception);
        }
        catch (AgentUnavailableException)
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Closes the connection; the next request makes another.</summary>
    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    /// <summary>The kept connection, unless the agent has closed it meanwhile: what is readable before a question can only be its end.</summary>
    private Socket Connected()
    {
        if (_socket is { } kept && !kept.Poll(0, SelectMode.SelectRead))
        {
            return kept;
        }

        Dispose();
        var socket = _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(socketPath));
        return socket;
    }
}
