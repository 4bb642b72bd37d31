using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Serving;

/// <summary>
/// The remote command protocol over WebSocket: each message starts with its channel (0 in, 1 out, 2 error, 3 status, 4 resize, 255
/// close of a channel in v5).
/// </summary>
internal sealed class WebSocketExec(WebSocket socket) : IExecStreams, IDisposable
{
    private const byte CloseChannel = 255;
    private readonly SemaphoreSlim sending = new(1, 1);
    private readonly byte[] receiveBuffer = new byte[32 * 1024];
    private byte? channel;

    public static readonly string[] Protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

    public async ValueTask<ReadOnlyMemory<byte>> ReadInputAsync(CancellationToken cancel)
    {
        while (true)
        {
            var received = await socket.ReceiveAsync(receiveBuffer.AsMemory(), cancel);
            if (received.MessageType == WebSocketMessageType.Close) throw new EndOfStreamException("the client closed the connection");
            ReadOnlyMemory<byte> bytes = receiveBuffer.AsMemory(0, received.Count);
            if (channel is null && !bytes.IsEmpty) (channel, bytes) = (bytes.Span[0], bytes[1..]);
            var current = channel;
            // A message may be longer than the buffer or come in frames: what is left of it has no channel of its own.
            if (received.EndOfMessage) channel = null;
            if (bytes.IsEmpty) continue;
            if (current == CloseChannel && bytes.Span[0] == 0) return ReadOnlyMemory<byte>.Empty;
            if (current == 0) return bytes;
        }
    }

    public ValueTask WriteOutputAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => SendAsync(1, bytes, cancel);

    public ValueTask WriteErrorAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => SendAsync(2, bytes, cancel);

    /// <summary>Reports how the command ended and closes the connection.</summary>
    public async Task FinishAsync(int exitCode, string? failure, CancellationToken cancel)
    {
        JsonObject status;
        if (exitCode == 0 && failure is null) status = new JsonObject { ["metadata"] = new JsonObject(), ["status"] = "Success" };
        else if (failure is not null)
        {
            status = new JsonObject { ["metadata"] = new JsonObject(), ["status"] = "Failure", ["reason"] = "InternalError", ["message"] = failure, ["code"] = 500 };
        }
        else
        {
            status = new JsonObject
            {
                ["metadata"] = new JsonObject(),
                ["status"] = "Failure",
                ["reason"] = "NonZeroExitCode",
                ["message"] = $"command terminated with non-zero exit code: exit status {exitCode}",
                ["details"] = new JsonObject
                {
                    ["causes"] = new JsonArray(new JsonObject { ["reason"] = "ExitCode", ["message"] = $"{exitCode}" }),
                },
            };
        }

        await SendAsync(3, status.ToUtf8(), cancel);
        if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, cancel);
    }

    public void Dispose() => sending.Dispose();

    private async ValueTask SendAsync(byte channel, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        var message = new byte[bytes.Length + 1];
        message[0] = channel;
        bytes.CopyTo(message.AsMemory(1));
        await sending.WaitAsync(cancel);
        try
        {
            await socket.SendAsync(message, WebSocketMessageType.Binary, true, cancel);
        }
        finally
        {
            sending.Release();
        }
    }
}
