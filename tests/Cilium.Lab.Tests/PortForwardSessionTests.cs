using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using Cilium.Lab.Spdy;
using Cilium.Lab.Storage;
using Cilium.Netlink;

namespace Cilium.Lab.Tests;

public sealed class PortForwardSessionTests
{
    // Made by zlib with the SPDY/3 dictionary: streamtype error or data, port 80, requestid 0.
    private const string ErrorStream = "78bbe3c6a7c202253a703a2b294a4dcc851625aca9a0808614cb45a024cc64610024398b209198094adc8c0600000000ffff";
    private const string DataStream = "c2aa15540a2512d209000000ffff";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    public static TheoryData<Exception> Refusals => new()
    {
        new ApiException(500, "InternalError", "the container is gone"),
        new NetlinkException("open", 2, "the container is gone"),
        new SocketException((int)SocketError.ConnectionRefused, "the container is gone"),
        new IOException("the container is gone"),
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task A_connection_that_cannot_be_made_is_told_to_the_client(Exception refusal)
    {
        var (client, server) = Duplex.Pair();
        using var session = new PortForwardSession(server, (_, _) => Task.FromException<Stream>(refusal));
        var running = session.RunAsync(TestContext.Current.CancellationToken);

        await client.WriteAsync(Open(1, ErrorStream), TestContext.Current.CancellationToken);
        await client.WriteAsync(Open(3, DataStream), TestContext.Current.CancellationToken);
        var frames = await ReadDataAsync(client, 2).WaitAsync(s_patience, TestContext.Current.CancellationToken);

        Assert.Contains("80", frames[1], StringComparison.Ordinal);
        Assert.Contains("the container is gone", frames[1], StringComparison.Ordinal);
        Assert.Equal("", frames[3]);
        await client.DisposeAsync();
        await running.WaitAsync(s_patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_stream_that_is_reset_while_its_connection_is_made_does_not_end_the_session()
    {
        var (client, server) = Duplex.Pair();
        var connected = new TaskCompletionSource<Stream>();
        using var session = new PortForwardSession(server, (_, _) => connected.Task);
        var running = session.RunAsync(TestContext.Current.CancellationToken);
        await client.WriteAsync(Open(1, ErrorStream), TestContext.Current.CancellationToken);
        await client.WriteAsync(Open(3, DataStream), TestContext.Current.CancellationToken);
        await client.WriteAsync((byte[])[0x80, 3, 0, 3, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 5], TestContext.Current.CancellationToken);
        // The answer to a ping tells that the reset was read.
        await client.WriteAsync((byte[])[0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 9], TestContext.Current.CancellationToken);
        while (await ReadControlAsync(client).WaitAsync(s_patience, TestContext.Current.CancellationToken) != 6)
        {
        }

        connected.SetResult(new MemoryStream());
        var frames = await ReadDataAsync(client, 2).WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.Equal(("", ""), (frames[1], frames[3]));
        await client.DisposeAsync();
        await running.WaitAsync(s_patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_pod_that_cuts_an_upload_does_not_keep_the_session_waiting()
    {
        var (client, server) = Duplex.Pair();
        using var target = new CutUpload();
        using var session = new PortForwardSession(server, (_, _) => Task.FromResult<Stream>(target));
        var running = session.RunAsync(TestContext.Current.CancellationToken);
        await client.WriteAsync(Open(1, ErrorStream), TestContext.Current.CancellationToken);
        await client.WriteAsync(Open(3, DataStream), TestContext.Current.CancellationToken);

        // The first waits in the pod, 64 wait for it, and the session waits with the next: a frame has been written when most of it is read.
        byte[] frame = [0, 0, 0, 3, 0, 0, 0xf0, 0, .. new byte[0xf000]];
        for (var sent = 0; sent < 66; sent++) await client.WriteAsync(frame, TestContext.Current.CancellationToken);
        await client.WriteAsync(Ping, TestContext.Current.CancellationToken);
        await target.Reached.Task.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        target.Cut.SetResult();
        await UntilPongAsync(client, running);
        await client.DisposeAsync();
        await running.WaitAsync(s_patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Bytes_after_the_end_of_a_stream_do_not_end_the_session()
    {
        var (client, server) = Duplex.Pair();
        using var target = new CutUpload();
        using var session = new PortForwardSession(server, (_, _) => Task.FromResult<Stream>(target));
        var running = session.RunAsync(TestContext.Current.CancellationToken);
        await client.WriteAsync(Open(1, ErrorStream), TestContext.Current.CancellationToken);
        await client.WriteAsync(Open(3, DataStream), TestContext.Current.CancellationToken);
        await client.WriteAsync((byte[])[0, 0, 0, 3, 1, 0, 0, 1, 7, 0, 0, 0, 3, 0, 0, 0, 1, 8], TestContext.Current.CancellationToken);
        await client.WriteAsync(Ping, TestContext.Current.CancellationToken);
        await UntilPongAsync(client, running);
        target.Cut.SetResult();
        await client.DisposeAsync();
        await running.WaitAsync(s_patience, TestContext.Current.CancellationToken);
    }

    private static readonly byte[] Ping = [0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 9];

    private static async Task UntilPongAsync(Stream client, Task running)
    {
        while (true)
        {
            var next = NextAsync(client);
            await Task.WhenAny(next, running).WaitAsync(s_patience, TestContext.Current.CancellationToken);
            if (running.IsCompleted) await running;
            if (await next.WaitAsync(s_patience, TestContext.Current.CancellationToken) == 6) return;
        }
    }

    /// <summary>The type of the next frame: that of a control frame, or 0 for data.</summary>
    private static async Task<int> NextAsync(Stream client)
    {
        var header = new byte[8];
        await client.ReadExactlyAsync(header);
        await client.ReadExactlyAsync(new byte[BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4)) & 0xffffff]);
        return header[0] < 0x80 ? 0 : BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(2));
    }

    /// <summary>The type of the next control frame.</summary>
    private static async Task<int> ReadControlAsync(Stream client)
    {
        var header = new byte[8];
        await client.ReadExactlyAsync(header);
        await client.ReadExactlyAsync(new byte[BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4)) & 0xffffff]);
        return BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(2));
    }

    private static byte[] Open(uint stream, string headers)
    {
        var block = Convert.FromHexString(headers);
        var frame = new byte[18 + block.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, 0x80030001);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), 10 + block.Length);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(8), stream);
        block.CopyTo(frame, 18);
        return frame;
    }

    /// <summary>The data of as many streams as said, each up to its end; control frames are passed over.</summary>
    private static async Task<Dictionary<uint, string>> ReadDataAsync(Stream client, int streams)
    {
        var ended = new Dictionary<uint, string>();
        var header = new byte[8];
        while (ended.Count < streams)
        {
            await client.ReadExactlyAsync(header);
            var body = new byte[(header[5] << 16) | (header[6] << 8) | header[7]];
            await client.ReadExactlyAsync(body);
            if (header[0] < 0x80 && (header[4] & 1) != 0) ended[BinaryPrimitives.ReadUInt32BigEndian(header)] = Encoding.UTF8.GetString(body);
        }

        return ended;
    }

    /// <summary>A connection to a pod that takes nothing, until it is cut.</summary>
    private sealed class CutUpload : Stream
    {
        public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Cut { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Reached.TrySetResult();
            await Cut.Task.WaitAsync(cancellationToken);
            throw new IOException("cut");
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }

    /// <summary>One end of a connection within the process.</summary>
    private sealed class Duplex(Stream input, Stream output) : Stream
    {
        public static (Stream Client, Stream Server) Pair()
        {
            var (there, back) = (new Pipe(), new Pipe());
            return (new Duplex(back.Reader.AsStream(), there.Writer.AsStream()), new Duplex(there.Reader.AsStream(), back.Writer.AsStream()));
        }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => input.ReadAsync(buffer, cancellationToken);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => output.WriteAsync(buffer, cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => input.Read(buffer, offset, count);

        public override void Write(byte[] buffer, int offset, int count) => output.Write(buffer, offset, count);

        public override void Flush() => output.Flush();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            input.Dispose();
            output.Dispose();
            base.Dispose(disposing);
        }
    }
}
