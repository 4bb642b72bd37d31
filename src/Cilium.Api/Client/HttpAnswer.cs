using System.Globalization;
using System.Text;

namespace Cilium.Api;

/// <summary>Reads one HTTP/1.1 answer out of the bytes received so far.</summary>
internal static class HttpAnswer
{
    /// <summary>False while the answer is incomplete.</summary>
    /// <param name="received">Everything received so far.</param>
    /// <param name="isEnd">True when the peer has closed: an answer without a length ends here.</param>
    /// <param name="status">The status code.</param>
    /// <param name="body">The body with chunk framing removed.</param>
    public static bool TryParse(ReadOnlySpan<byte> received, bool isEnd, out int status, out byte[] body)
    {
        status = 0;
        body = [];
        var headEnd = received.IndexOf("\r\n\r\n"u8);
        if (headEnd < 0)
        {
            return false;
        }

        var head = Encoding.ASCII.GetString(received[..headEnd]);
        var rest = received[(headEnd + 4)..];
        if (head.Length < 12 || !head.StartsWith("HTTP/1.", StringComparison.Ordinal)
            || !int.TryParse(head.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out status))
        {
            status = 0;
            return false;
        }

        if (status is 204 or 304)
        {
            return true;
        }

        if (HeaderValue(head, "transfer-encoding") is { } encoding && encoding.Contains("chunked", StringComparison.OrdinalIgnoreCase))
        {
            return TryReadChunks(rest, out body);
        }

        if (HeaderValue(head, "content-length") is { } text
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var length))
        {
            if (rest.Length < length)
            {
                return false;
            }

            body = rest[..length].ToArray();
            return true;
        }

        body = isEnd ? rest.ToArray() : [];
        return isEnd;
    }

    private static string? HeaderValue(string head, string name)
    {
        foreach (var line in head.AsSpan().EnumerateLines())
        {
            var colon = line.IndexOf(':');
            if (colon == name.Length && line[..colon].Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return line[(colon + 1)..].Trim().ToString();
            }
        }

        return null;
    }

    private static bool TryReadChunks(ReadOnlySpan<byte> rest, out byte[] body)
    {
        var joined = new MemoryStream();
        body = [];
        while (true)
        {
            var lineEnd = rest.IndexOf("\r\n"u8);
            if (lineEnd < 0)
            {
                return false;
            }

            var size = rest[..lineEnd];
            var extension = size.IndexOf((byte)';');
            size = (extension < 0 ? size : size[..extension]).Trim((byte)' ');
            if (!int.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var length) || length < 0)
            {
                return false;
            }

            rest = rest[(lineEnd + 2)..];
            if (length == 0)
            {
                // The end is an empty line, after fields that may follow the last chunk.
                body = joined.ToArray();
                return rest.StartsWith("\r\n"u8) || rest.IndexOf("\r\n\r\n"u8) >= 0;
            }

            if (rest.Length < length + 2)
            {
                return false;
            }

            joined.Write(rest[..length]);
            rest = rest[(length + 2)..];
        }
    }
}
