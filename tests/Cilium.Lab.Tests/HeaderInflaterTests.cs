using System.Text;
using Cilium.Lab.Spdy;

namespace Cilium.Lab.Tests;

public sealed class HeaderInflaterTests
{
    // Made by zlib with the SPDY/3 dictionary, each block ended by a sync flush.
    private const string ErrorStream = "78bbe3c6a7c202253a703a2b294a4dcc851625aca9a0808614cb45a024cc64610024398b209198094adc8c0600000000ffff";
    private const string DataStream = "c2aa15540a2512d209000000ffff";

    [Fact]
    public void Blocks_of_one_connection_are_one_stream()
    {
        var inflater = new HeaderInflater();

        Assert.Equal("\0\0\0\u0003\0\0\0\nstreamtype\0\0\0\u0005error\0\0\0\u0004port\0\0\0\u000280\0\0\0\trequestid\0\0\0\u00010", Inflate(inflater, ErrorStream));
        Assert.Equal("\0\0\0\u0003\0\0\0\nstreamtype\0\0\0\u0004data\0\0\0\u0004port\0\0\0\u000280\0\0\0\trequestid\0\0\0\u00010", Inflate(inflater, DataStream));
    }

    [Fact]
    public void Damaged_blocks_are_refused()
    {
        var bytes = Convert.FromHexString(ErrorStream);
        for (var length = 0; length < bytes.Length - 8; length++)
        {
            var part = bytes[..length];
            var failure = Record.Exception(() => new HeaderInflater().Inflate(part));
            Assert.True(failure is null or InvalidDataException);
        }
    }

    private static string Inflate(HeaderInflater inflater, string hex) => Encoding.ASCII.GetString(inflater.Inflate(Convert.FromHexString(hex)));
}
