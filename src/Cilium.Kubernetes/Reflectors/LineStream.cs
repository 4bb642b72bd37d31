namespace Cilium.Kubernetes.Reflectors;

/// <summary>Cuts a stream into lines: each read yields all whole lines that have arrived.</summary>
internal sealed class LineStream(Stream stream, int maximumLineBytes) : IDisposable
{
    private const int FirstBytes = 8 * 1024;
    private readonly ReceiveBuffer _buffer = new(stream, FirstBytes, maximumLineBytes, "a line of a watch");

    /// <summary>Waits for at least one whole line; false at the end of the stream, an unfinished line there is dropped.</summary>
    /// <exception cref="IOException">A line is longer than allowed, or the stream broke.</exception>
    public async Task<bool> ReadAsync(CancellationToken cancellationToken)
    {
        while (!_buffer.Span.Contains((byte)'\n'))
        {
            if (!await _buffer.ReceiveAsync(cancellationToken))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes the next whole line, without its end; the span is valid until the next read.</summary>
    public bool TryTake(out ReadOnlySpan<byte> line)
    {
        var rest = _buffer.Span;
        var length = rest.IndexOf((byte)'\n');
        if (length < 0)
        {
            line = default;
            return false;
        }

        line = rest[..length];
        _buffer.Advance(length + 1);
        return true;
    }

    public void Dispose() => _buffer.Dispose();
}
