using Cilium.Kubernetes.Decoding;

namespace Cilium.Kubernetes.Tests.Decoding;

public sealed class CiliumDecodersTests
{
    [Fact]
    public void A_cilium_endpoint_tells_when_it_was_created()
    {
        var row = CiliumDecoders.CiliumEndpoint("""{"metadata":{"name":"pod-a","namespace":"default","creationTimestamp":"2026-01-02T03:04:05Z"}}"""u8);
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), row!.CreatedAt);
    }
}
