using System.Buffers;

namespace Cilium.Kubernetes.Reflectors;

/// <summary>Cuts a stream into lines: each read yields all whole lines that have arrived.</summary>
internal sealed class LineStream(Stream stream, int maximumLineBytes) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(8 * 1024);
    private int _start;
    private int _end;

    /// <summary>Waits for at least one whole line; false at the end of the stream, an unfinished line there is dropped.</summary>
    /// <exception cref="IOException">A line is longer than allowed, or the stream broke.</exception>
    public async Task<bool> ReadAsync(CancellationToken cancellationToken)
    {
        while (_buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n') < 0)
        {
            MakeRoom();
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
            if (read == 0)
            {
                return false;
            }

            _end += read;
        }

        return true;
    }

    /// <summary>Takes the next whole line, without its end; the span is valid until the next read.</summary>
    public bool TryTake(out ReadOnlySpan<byte> line)
    {
        var rest = _buffer.AsSpan(_start, _end - _start);
        var length = rest.IndexOf((byte)'\n');
        if (length < 0)
        {
            line = default;
            return false;
        }

        line = rest[..length];
        _start += length + 1;
        return true;
    }

    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
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
            _buffer.AsSpan(_start, length).CopyTo(_buffer);
            _start = 0;
            _end = length;
        }

        if (_end < _buffer.Length)
        {
            return;
        }

        if (_buffer.Length >= maximumLineBytes)
        {
            throw new IOException($"a line of a watch is longer than {maximumLineBytes} bytes");
        }

        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
