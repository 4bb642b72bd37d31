using System.Text;

namespace Cilium.Simulation.Serving;

/// <summary>The stream of a watch on its way to a client: counts events, and ends early when it is to.</summary>
/// <param name="inner">What the server sends.</param>
/// <param name="end">After how many events it ends, and whether the client is told that the version is gone.</param>
/// <param name="faults">While they are off, the stream goes on.</param>
internal sealed class WatchedStream(Stream inner, (int Events, bool IsExpired) end, ApiFaults? faults) : Stream
{
    private static readonly byte[] s_bookmark = Encoding.ASCII.GetBytes("{\"type\":\"BOOKMARK\"");
    private bool _isLineStart = true;
    private bool _hasEnded;
    private int _told;

    /// <summary>Hears of events.</summary>
    public required Action<int> Told { get; init; }

    /// <summary>Hears of the end.</summary>
    public required Action Closed { get; init; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_hasEnded)
            return 0;
        if (faults is { IsOn: true } && _told >= end.Events && _isLineStart)
            return End(buffer.Span);
        var length = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        Count(buffer.Span[..length]);
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
        if (disposing)
        {
            Leave();
            inner.Dispose();
        }
        base.Dispose(disposing);
    }

    private int End(Span<byte> buffer)
    {
        faults!.Broke();
        Leave();
        inner.Dispose();
        if (!end.IsExpired)
            return 0;
        byte[] line = [.. "{\"type\":\"ERROR\",\"object\":"u8, .. ApiClient.Status(410, "Expired", "too old resource version, as it was told to be"), .. "}\n"u8];
        line.CopyTo(buffer);
        return line.Length;
    }

    private void Leave()
    {
        if (!_hasEnded)
        {
            _hasEnded = true;
            Closed();
        }
    }

    private void Count(ReadOnlySpan<byte> bytes)
    {
        var events = 0;
        while (!bytes.IsEmpty)
        {
            if (_isLineStart && !bytes.StartsWith(s_bookmark))
                events++;
            var end = bytes.IndexOf((byte)'\n');
            _isLineStart = end >= 0;
            bytes = end < 0 ? default : bytes[(end + 1)..];
        }
        if (events > 0)
        {
            _told += events;
            Told(events);
        }
    }
}
