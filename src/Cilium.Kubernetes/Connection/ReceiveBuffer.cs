using System.Buffers;

namespace Cilium.Kubernetes;

/// <summary>What has come of a stream and is not used yet, in a pooled buffer that grows with the longest piece.</summary>
/// <param name="stream">The stream; it stays the caller's.</param>
/// <param name="firstBytes">Where the buffer begins.</param>
/// <param name="maximumBytes">The longest piece.</param>
/// <param name="piece">What a piece is called, for errors.</param>
internal sealed class ReceiveBuffer(Stream stream, int firstBytes, int maximumBytes, string piece) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(firstBytes);
    private int _start;
    private int _end;

    /// <summary>What is there; valid until more is received.</summary>
    public ReadOnlySpan<byte> Span => _buffer.AsSpan(_start, _end - _start);

    /// <summary>Waits for more; false at the end of the stream.</summary>
    /// <exception cref="IOException">A piece is longer than allowed, or the stream broke.</exception>
    public async ValueTask<bool> ReceiveAsync(CancellationToken cancellationToken)
    {
        MakeRoom();
        var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        _end += read;
        return read > 0;
    }

    /// <summary>Lets go of what was used.</summary>
    public void Advance(int bytes) => _start += bytes;

    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        _start = _end = 0;
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void MakeRoom()
    {
        var length = _end - _start;
        if (_start > 0)
        {
            Span.CopyTo(_buffer);
            _start = 0;
            _end = length;
        }

        if (_end < _buffer.Length)
        {
            return;
        }

        if (_buffer.Length >= maximumBytes)
        {
            throw new IOException($"{piece} is longer than {maximumBytes} bytes");
        }

        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        Span.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
