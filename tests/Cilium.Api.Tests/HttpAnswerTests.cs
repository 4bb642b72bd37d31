using System.Text;
using FsCheck.Xunit;

namespace Cilium.Api.Tests;

public sealed class HttpAnswerTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nDigest: none\r\n\r\n")]
    public void A_body_is_read_by_length_or_chunks_and_never_early(string answer)
    {
        var bytes = Encoding.ASCII.GetBytes(answer);
        var firstComplete = Enumerable.Range(0, bytes.Length + 1).First(length => HttpAnswer.TryParse(bytes.AsSpan(0, length), false, out _, out _));
        Assert.Equal(bytes.Length, firstComplete);
        Assert.True(HttpAnswer.TryParse(bytes, false, out var status, out var body));
        Assert.Equal(200, status);
        Assert.Equal("hello", Encoding.ASCII.GetString(body));
    }

    [Fact]
    public void Without_a_length_the_body_ends_with_the_connection()
    {
        var bytes = "HTTP/1.1 500 Oops\r\n\r\nsorry"u8;
        Assert.False(HttpAnswer.TryParse(bytes, false, out _, out _));
        Assert.True(HttpAnswer.TryParse(bytes, true, out var status, out var body));
        Assert.Equal(500, status);
        Assert.Equal("sorry", Encoding.ASCII.GetString(body));
    }

    [Property]
    public bool Random_bytes_never_throw(byte[] bytes)
    {
        byte[] answer = [.. "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"u8, .. bytes];
        HttpAnswer.TryParse(answer, true, out _, out _);
        HttpAnswer.TryParse(bytes, true, out _, out _);
        return true;
    }
}
