using Cilium.Aws.Tests.Ec2;
using Cilium.ControlPlane.Nodes;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Aws.Tests;

public sealed class InstanceMetadataTests
{
    [Fact]
    public async Task An_instance_tells_what_it_is_through_a_token_after_failures_too()
    {
        await using var endpoint = await new ImdsEndpoint(new Ec2Instance("i-7", "m5.large", "vpc-1", "eu-1a", []), "02:00:00:00:00:07", "subnet-a") { Failures = 2 }.StartAsync();
        using var metadata = new InstanceMetadata(endpoint.Url, TimeProvider.System, NullLogger<InstanceMetadata>.Instance, TimeSpan.FromSeconds(30));
        var settings = new NodeInstance { FirstInterfaceIndex = 1, SubnetIds = ["subnet-b"] };
        var expected = settings with { Id = "i-7", Type = "m5.large", Zone = "eu-1a", Network = "vpc-1", SubnetId = "subnet-a" };
        Assert.Equal(expected, await metadata.ReadAsync(settings, CancellationToken.None));
        Assert.Equal(1, endpoint.Tokens);
        endpoint.Expire();
        Assert.Equal(expected, await metadata.ReadAsync(settings, CancellationToken.None));
        Assert.Equal(2, endpoint.Tokens);
    }

    [Fact]
    public async Task Whoever_waits_for_a_service_that_never_answers_can_give_up()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(400));
        using var metadata = new InstanceMetadata("http://127.0.0.1:1", TimeProvider.System, NullLogger<InstanceMetadata>.Instance);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => metadata.ReadAsync(new NodeInstance(), stop.Token));
    }
}
