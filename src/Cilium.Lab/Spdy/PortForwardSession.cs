using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Cilium.Lab.Storage;
using Cilium.Netlink;

namespace Cilium.Lab.Spdy;

/// <summary>
/// The server side of <c>kubectl port-forward</c>: SPDY/3.1 frames, in which each forwarded connection is a pair of streams, one for
/// data and one for an error message.
/// </summary>
internal sealed class PortForwardSession(Stream connection, Func<int, CancellationToken, Task<Stream>> connect) : IDisposable
{
    private const int FrameLimitBytes = 1 << 20;
    private const byte Fin = 1;
    private readonly HeaderInflater inflater = new();
    private readonly SemaphoreSlim sending = new(1, 1);
    private readonly ConcurrentDictionary<uint, Channel<byte[]>> inputs = new();
    private readonly Dictionary<string, (uint? Data, uint? Error)> pairs = [];
    private bool repliedBefore;

    public async Task RunAsync(CancellationToken cancel)
    {
        var forwards = new List<Task>();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var header = new byte[8];
        while (await connection.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, cancel) == header.Length)
        {
            var flags = header[4];
            var length = (header[5] << 16) | (header[6] << 8) | header[7];
            if (length > FrameLimitBytes) throw new InvalidDataException($"a SPDY frame of {length} bytes");
            var body = new byte[length];
            await connection.ReadExactlyAsync(body, cancel);
            var first = BinaryPrimitives.ReadUInt32BigEndian(header);
            if (first >> 31 == 0)
            {
                if (inputs.TryGetValue(first, out var input)) await PassOnAsync(input.Writer, body, isLast: (flags & Fin) != 0, cancel);
                continue;
            }

            switch (first & 0xffff)
            {
                case 1:
                    await OpenAsync(body, forwards, ended.Token);
                    break;
                case 3 when length >= 4 && inputs.TryRemove(BinaryPrimitives.ReadUInt32BigEndian(body) & 0x7fffffff, out var reset):
                    reset.Writer.TryComplete();
                    break;
                case 6:
                    await SendAsync([0x80, 3, 0, 6, 0, 0, 0, 4, .. body], cancel);
                    break;
            }
        }

        await ended.CancelAsync();
        await Task.WhenAll(forwards);
    }

    public void Dispose() => sending.Dispose();

    private static async Task PassOnAsync(ChannelWriter<byte[]> input, byte[] body, bool isLast, CancellationToken cancel)
    {
        try
        {
            if (body.Length > 0) await input.WriteAsync(body, cancel);
            if (isLast) input.TryComplete();
        }
        catch (ChannelClosedException)
        {
            // The pod takes nothing more, or the client had said that nothing more would come: the other connections go on.
            return;
        }
    }

    private async Task OpenAsync(byte[] body, List<Task> forwards, CancellationToken cancel)
    {
        if (body.Length < 10) throw new InvalidDataException("a SYN_STREAM frame is too short");
        var id = BinaryPrimitives.ReadUInt32BigEndian(body) & 0x7fffffff;
        var headers = Headers(inflater.Inflate(body[10..]));
        await ReplyAsync(id, cancel);
        var request = headers.GetValueOrDefault("requestid", "");
        var pair = pairs.GetValueOrDefault(request);
        if (headers.GetValueOrDefault("streamtype") == "error") pair.Error = id;
        else
        {
            inputs[id] = Channel.CreateBounded<byte[]>(64);
            pair.Data = id;
        }

        pairs[request] = pair;
        if (pair is not ({ } data, { } error)) return;
        pairs.Remove(request);
        var port = int.TryParse(headers.GetValueOrDefault("port"), NumberStyles.None, CultureInfo.InvariantCulture, out var stated) ? stated : 0;
        forwards.Add(ForwardAsync(data, error, port, cancel));
    }

    private async Task ForwardAsync(uint data, uint error, int port, CancellationToken cancel)
    {
        // The client may take the stream back at any time, also while the connection is made.
        if (!inputs.TryGetValue(data, out var input)) return;
        try
        {
            await TransferAsync(input.Reader, data, error, port, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return;
        }
        finally
        {
            inputs.TryRemove(data, out _);
            // The session may wait for room in it, in which nobody reads any more.
            input.Writer.TryComplete();
        }
    }

    private async Task TransferAsync(ChannelReader<byte[]> input, uint data, uint error, int port, CancellationToken cancel)
    {
        try
        {
            await using var target = await connect(port, cancel);
            var outbound = SendFromAsync(target, data, cancel);
            await foreach (var bytes in input.ReadAllAsync(cancel)) await target.WriteAsync(bytes, cancel);
            if (target is NetworkStream network) network.Socket.Shutdown(SocketShutdown.Send);
            await outbound;
            await SendDataAsync(error, ReadOnlyMemory<byte>.Empty, Fin, cancel);
        }
        catch (Exception failure) when (failure is IOException or SocketException or ApiException or NetlinkException)
        {
            var message = Encoding.UTF8.GetBytes($"an error occurred forwarding to port {port} in the pod: {failure.Message}");
            await SendDataAsync(error, message, Fin, cancel);
            await SendDataAsync(data, ReadOnlyMemory<byte>.Empty, Fin, cancel);
        }
    }

    private async Task SendFromAsync(Stream target, uint data, CancellationToken cancel)
    {
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var count = await target.ReadAsync(buffer, cancel);
            await SendDataAsync(data, buffer.AsMemory(0, count), count == 0 ? Fin : (byte)0, cancel);
            if (count == 0) return;
        }
    }

    private Task SendDataAsync(uint id, ReadOnlyMemory<byte> bytes, byte flags, CancellationToken cancel)
    {
        var frame = new byte[8 + bytes.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, id);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), bytes.Length);
        frame[4] = flags;
        bytes.CopyTo(frame.AsMemory(8));
        return SendAsync(frame, cancel);
    }

    /// <summary>Accepts a stream with an empty header block, which needs no compression: a stored deflate block of four
    /// zeros, and an empty one, at which decompressors hand out what they have.</summary>
    private Task ReplyAsync(uint id, CancellationToken cancel)
    {
        byte[] headers = [0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
        if (!repliedBefore) headers = [0x78, 0x01, .. headers];
        repliedBefore = true;
        var frame = new byte[12 + headers.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, 0x80030002);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), 4 + headers.Length);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(8), id);
        headers.CopyTo(frame, 12);
        return SendAsync(frame, cancel);
    }

    private async Task SendAsync(byte[] frame, CancellationToken cancel)
    {
        await sending.WaitAsync(cancel);
        try
        {
            await connection.WriteAsync(frame, cancel);
        }
        finally
        {
            sending.Release();
        }
    }

    private static Dictionary<string, string> Headers(byte[] block)
    {
        var headers = new Dictionary<string, string>();
        var position = 0;
        var count = Next();
        for (var index = 0; index < count; index++)
        {
            var name = Text();
            headers[name.ToLowerInvariant()] = Text();
        }

        return headers;

        int Next()
        {
            if (position + 4 > block.Length) throw new InvalidDataException("a SPDY header block is too short");
            var value = BinaryPrimitives.ReadInt32BigEndian(block.AsSpan(position));
            position += 4;
            return value;
        }

        string Text()
        {
            var length = Next();
            if (length < 0 || position + length > block.Length) throw new InvalidDataException("a SPDY header is too long");
            var text = Encoding.UTF8.GetString(block, position, length);
            position += length;
            return text;
        }
    }
}
