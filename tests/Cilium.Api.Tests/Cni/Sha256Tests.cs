using Cilium.Hosts.Cni.Devices;
using FsCheck.Xunit;

namespace Cilium.Api.Tests.Cni;

public sealed class Sha256Tests
{
    [Property]
    public bool It_is_the_frameworks(byte[] message) =>
        Sha256.HashOf(message).AsSpan().SequenceEqual(System.Security.Cryptography.SHA256.HashData(message));

    [Fact]
    public void Every_length_around_a_block_is_right()
    {
        for (var length = 0; length < 200; length++)
        {
            var message = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
            Assert.Equal(System.Security.Cryptography.SHA256.HashData(message), Sha256.HashOf(message));
        }
    }
}
