using Cilium.Api;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Ipam;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class DeletionReplayTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-replay-").FullName;
    private readonly TestTables _test = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Queued_deletions_are_carried_out_before_requests_are_accepted()
    {
        _test.Options.StateDirectory = _directory;
        var queue = new DeletionQueue(DeletionQueue.DirectoryBelow(_directory));
        using (await queue.LockAsync(TimeSpan.FromSeconds(5), TimeProvider.System, default))
        {
            queue.Enqueue(new EndpointBatchDeleteRequest { ContainerId = "container-1" });
            queue.Enqueue(new EndpointBatchDeleteRequest { ContainerId = "container-gone" });
        }

        File.WriteAllText(Path.Combine(DeletionQueue.DirectoryBelow(_directory), "broken.delete"), "{");
        _test.Write(write =>
        {
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "pod-a", "10.0.0.5"));
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(2, "pod-b", "10.0.0.6"));
        });
        var ipam = new NodeIpam(true, false);
        ipam.SetPodCidrs([Prefix.Parse("10.0.0.0/24")]);
        ipam.Allocate(IpAddr.Parse("10.0.0.5"), "default/pod-a");
        ipam.Allocate(IpAddr.Parse("10.0.0.6"), "default/pod-b");
        var registry = new EndpointRegistry(
            _test.Tables, ipam, new EndpointStore(_directory), new FakeDatapath(), TimeProvider.System, NullLogger<EndpointRegistry>.Instance);

        var isLockedWhileAccepting = false;
        await new DeletionReplay(_test.Options, registry, TimeProvider.System, NullLogger<DeletionReplay>.Instance).RunAsync(
            () => isLockedWhileAccepting = queue.LockAsync(TimeSpan.Zero, TimeProvider.System, default).IsFaulted,
            default);

        Assert.True(isLockedWhileAccepting);
        Assert.Equal("pod-b", Assert.Single(_test.Tables.Endpoints.Snapshot().Values).PodName);
        Assert.Equal("default/pod-b", Assert.Single(ipam.Snapshot()).Owner);
        Assert.Empty(Directory.GetFiles(DeletionQueue.DirectoryBelow(_directory), "*.delete"));
    }
}
