using System.IO.Pipelines;

namespace Cilium.Lab.Serving;

/// <summary>The body of an answer that goes on, between the server and a client in one process.</summary>
/// <remarks>One writer, one reader. A writer that is far ahead waits for the reader, as on a connection.</remarks>
internal sealed class WatchBody : Stream
{
    private readonly Pipe pipe = new();
    private readonly Action<WatchBody> closed;
    private readonly CancellationTokenSource abandoned = new();
    private readonly TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long written;
    private long handedOut;
    private long workedOff;
    private int isClosed;

    /// <param name="closed">Hears that the reader goes away.</param>
    public WatchBody(Action<WatchBody> closed)
    {
        this.closed = closed;
        Abandoned = abandoned.Token;
        Output = new Writer(this);
    }

    /// <summary>Where the server writes.</summary>
    public Stream Output { get; }

    /// <summary>Cancelled when the reader goes away.</summary>
    public CancellationToken Abandoned { get; }

    /// <summary>Completes when the server flushes for the first time.</summary>
    public Task Started => started.Task;

    /// <summary>Whether the reader has come back for more after it was handed everything: it has worked off what it had.</summary>
    public bool IsQuiet => Interlocked.Read(ref workedOff) == Interlocked.Read(ref written);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>The server has written its last.</summary>
    public void Complete(Exception? failure) => pipe.Writer.Complete(failure is null ? null : new IOException(failure.Message, failure));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Interlocked.Exchange(ref workedOff, handedOut);
        var result = await pipe.Reader.ReadAsync(cancellationToken);
        var length = (int)Math.Min(buffer.Length, result.Buffer.Length);
        var taken = result.Buffer.Slice(0, length);
        var position = 0;
        foreach (var part in taken)
        {
            part.CopyTo(buffer[position..]);
            position += part.Length;
        }

        pipe.Reader.AdvanceTo(taken.End);
        handedOut += length;
        return length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref isClosed, 1) == 0)
        {
            closed(this);
            abandoned.Cancel();
            pipe.Reader.CancelPendingRead();
            abandoned.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask AcceptAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        Interlocked.Add(ref written, bytes.Length);
        await pipe.Writer.WriteAsync(bytes, cancellationToken);
    }

    private sealed class Writer(WatchBody body) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => body.AcceptAsync(buffer, cancellationToken);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            body.AcceptAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken)
        {
            body.started.TrySetResult();
            return Task.CompletedTask;
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
