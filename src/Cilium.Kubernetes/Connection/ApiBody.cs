using System.Buffers;

namespace Cilium.Kubernetes;

/// <summary>A response body in a pooled buffer; valid until disposed.</summary>
internal sealed class ApiBody : IDisposable
{
    private byte[] _buffer;
    private int _length;

    private ApiBody(int capacity) => _buffer = ArrayPool<byte>.Shared.Rent(capacity);

    public ReadOnlySpan<byte> Span => _buffer.AsSpan(0, _length);

    public static async Task<ApiBody> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        var expected = content.Headers.ContentLength is > 0 and < int.MaxValue / 2 ? (int)content.Headers.ContentLength.Value + 1 : 16 * 1024;
        var body = new ApiBody(expected);
        try
        {
            var stream = await content.ReadAsStreamAsync(cancellationToken);
            await using (stream)
            {
                while (true)
                {
                    if (body._length == body._buffer.Length)
                    {
                        body.Grow();
                    }

                    var read = await stream.ReadAsync(body._buffer.AsMemory(body._length), cancellationToken);
                    if (read == 0)
                    {
                        return body;
                    }

                    body._length += read;
                }
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        _length = 0;
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Grow()
    {
        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        Span.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
