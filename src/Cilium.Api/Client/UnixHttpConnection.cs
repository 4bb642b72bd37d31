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
            await SendRequestAsync(socket, method, path, body, brief, cancellationToken).ConfigureAwait(false);
            return await ReceiveAsync(socket, socketPath, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException exception)
        {
            throw new AgentUnavailableException(socketPath, exception.Message, exception);
        }
    }

    private static async Task SendRequestAsync(
        Socket socket, string method, string path, ReadOnlyMemory<byte> body, bool brief, CancellationToken cancellationToken)
    {
        var head = $"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n"
            + (brief ? "brief: true\r\n" : "")
            + (body.IsEmpty && (method is "GET" or "DELETE")
                ? "\r\n"
                : $"Content-Type: application/json\r\nContent-Length: {body.Length.ToString(CultureInfo.InvariantCulture)}\r\n\r\n");
        var bytes = new byte[Encoding.ASCII.GetByteCount(head) + body.Length];
        var headLength = Encoding.ASCII.GetBytes(head, bytes);
        body.Span.CopyTo(bytes.AsSpan(headLength));
        ReadOnlyMemory<byte> rest = bytes;
        while (!rest.IsEmpty)
        {
            rest = rest[await socket.SendAsync(rest, SocketFlags.None, cancellationToken).ConfigureAwait(false)..];
        }
    }

    private static async Task<(int Status, ReadOnlyMemory<byte> Body)> ReceiveAsync(
        Socket socket, string socketPath, CancellationToken cancellationToken)
    {
        var received = new ArrayBufferWriter<byte>(4096);
        while (true)
        {
            if (HttpAnswer.TryParse(received.WrittenSpan, isEnd: false, out var status, out var body))
            {
                return (status, body);
            }

            var count = await socket.ReceiveAsync(received.GetMemory(4096), SocketFlags.None, cancellationToken).ConfigureAwait(false);
            if (count == 0)
            {
                return HttpAnswer.TryParse(received.WrittenSpan, isEnd: true, out status, out body)
                    ? (status, body)
                    : throw new AgentUnavailableException(socketPath, "the connection was closed in the middle of an answer");
            }

            received.Advance(count);
            if (received.WrittenCount > MaximumAnswerBytes)
            {
                throw new AgentUnavailableException(socketPath, "the answer is too long");
            }
        }
    }
}
