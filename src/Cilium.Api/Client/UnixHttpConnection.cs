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
            await socket.ConnectAsync(AddressOf(socketPath), cancellationToken).ConfigureAwait(false);
            ReadOnlyMemory<byte> rest = RequestBytes(method, path, body, brief, isLast: true);
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

    private static UnixDomainSocketEndPoint AddressOf(string socketPath)
    {
        try
        {
            return new UnixDomainSocketEndPoint(socketPath);
        }
        catch (ArgumentException exception)
        {
            throw new AgentUnavailableException(socketPath, "it is longer than the path of a Unix socket can be", exception);
        }
    }

    /// <summary>A request as it is sent; after the last one the agent closes.</summary>
    public static byte[] RequestBytes(string method, string path, ReadOnlyMemory<byte> body, bool brief, bool isLast)
    {
        var head = $"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
            + (isLast ? "Connection: close\r\n" : "")
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
    public static (int Status, ReadOnlyMemory<byte> Body)? TryFinish(string socketPath, ArrayBufferWriter<byte> received, int count)
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
