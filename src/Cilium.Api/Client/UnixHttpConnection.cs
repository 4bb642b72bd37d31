using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Cilium.Api;

/// <summary>One HTTP/1.1 request and its answer over a Unix socket.</summary>
/// <remarks>
/// Written by hand because the CNI plugin's whole life is some twenty milliseconds: the framework's HTTP client costs more to start than
/// the request takes. Understands answers with a length, in chunks, or until close (RFC 9112 section 6).
/// </remarks>
internal static class UnixHttpConnection
{
    private const int MaximumAnswerBytes = 256 << 20;

    public static async Task<(int Status, ReadOnlyMemory<byte> Body)> SendAsync(
        string socketPath, string method, string path, ReadOnlyMemory<byte> body, bool brief, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellationToken).ConfigureAwait(false);
            ReadOnlyMemory<byte> rest = RequestBytes(method, path, body, brief);
            while (!rest.IsEmpty)
            {
                rest = rest[await socket.SendAsync(rest, SocketFlags.None, cancellationToken).ConfigureAwait(false)..];
            }

            var received = new ArrayBufferWriter<byte>(4096);
            while (true)
            {
                var count = await socket.ReceiveAsync(received.GetMemory(4096), SocketFlags.None, cancellationToken).ConfigureAwait(false);
                if (TryFinish(socketPath, received, count) is { } answer)
                {
                    return answer;
                }
            }
        }
        catch (SocketException exception)
        {
            throw new AgentUnavailableException(socketPath, exception.Message, exception);
        }
    }

    /// <summary>The same on the calling thread: no thread, no poll and no timer is made for it.</summary>
    /// <exception cref="OperationCanceledException">It was not done within <paramref name="patience"/>.</exception>
    public static (int Status, ReadOnlyMemory<byte> Body) Send(
        string socketPath, string method, string path, ReadOnlyMemory<byte> body, bool brief, TimeSpan patience)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.SendTimeout = socket.ReceiveTimeout = (int)Math.Clamp(patience.TotalMilliseconds, 1, int.MaxValue);
            socket.Connect(new UnixDomainSocketEndPoint(socketPath));
            ReadOnlySpan<byte> rest = RequestBytes(method, path, body, brief);
            while (!rest.IsEmpty)
            {
                rest = rest[socket.Send(rest)..];
            }

            var received = new ArrayBufferWriter<byte>(4096);
            while (true)
            {
                if (TryFinish(socketPath, received, socket.Receive(received.GetSpan(4096))) is { } answer)
                {
                    return answer;
                }
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            throw new OperationCanceledException($"the agent has not answered {method} {path} in time", exception);
        }
        catch (SocketException exception)
        {
            throw new AgentUnavailableException(socketPath, exception.Message, exception);
        }
    }

    private static byte[] RequestBytes(string method, string path, ReadOnlyMemory<byte> body, bool brief)
    {
        var head = $"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n"
            + (brief ? "brief: true\r\n" : "")
            + (body.IsEmpty && (method is "GET" or "DELETE")
                ? "\r\n"
                : $"Content-Type: application/json\r\nContent-Length: {body.Length.ToString(CultureInfo.InvariantCulture)}\r\n\r\n");
        var bytes = new byte[Encoding.ASCII.GetByteCount(head) + body.Length];
        var headLength = Encoding.ASCII.GetBytes(head, bytes);
        body.Span.CopyTo(bytes.AsSpan(headLength));
        return bytes;
    }

    /// <summary>Takes what a read brought; the answer, once it is complete.</summary>
    private static (int Status, ReadOnlyMemory<byte> Body)? TryFinish(string socketPath, ArrayBufferWriter<byte> received, int count)
    {
        received.Advance(count);
        if (HttpAnswer.TryParse(received.WrittenSpan, isEnd: count == 0, out var status, out var body))
        {
            return (status, body);
        }

        if (count == 0)
        {
            throw new AgentUnavailableException(socketPath, "the connection was closed in the middle of an answer");
        }

        return received.WrittenCount <= MaximumAnswerBytes ? null : throw new AgentUnavailableException(socketPath, "the answer is too long");
    }
}
