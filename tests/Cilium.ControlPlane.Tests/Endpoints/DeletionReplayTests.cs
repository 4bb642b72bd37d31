using Cilium.Api;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class DeletionReplayTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-replay-").FullName;
    private readonly TestTables _test = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Queued_deletions_are_carried_out_whenever_they_come_before_requests_are_accepted()
    {
        _test.Options.StateDirectory = _directory;
        var queue = new DeletionQueue(DeletionQueue.DirectoryBelow(_directory));
        Enqueue("container-1");
        Enqueue("container-gone");
        File.WriteAllText(Path.Combine(DeletionQueue.DirectoryBelow(_directory), "broken.delete"), "{");
        var ipam = new NodeIpam(true, false);
        ipam.SetPodCidrs([Prefix.Parse("10.0.0.0/24")]);
        foreach (var id in (ushort[])[1, 2, 3])
        {
            Attach(TestTables.Endpoint(id, $"pod-{id}", $"10.0.0.{id}"));
        }

        var registry = new EndpointRegistry(
            _test.Tables, ipam, new EndpointStore(_directory), new FakeDatapath(), TimeProvider.System, NullLogger<EndpointRegistry>.Instance);
        var whileAccepting = new List<string>();
        new DeletionReplay(_test.Tables, _test.Options, registry, TimeProvider.System, NullLogger<DeletionReplay>.Instance).Run(() =>
        {
            whileAccepting.AddRange(_test.Tables.Endpoints.Snapshot().Values.Select(row => row.PodName));
            // A plugin that was refused a moment ago, and one that attaches the sandbox of a deletion anew.
            Enqueue("container-2");
            Enqueue("container-1");
            Attach(TestTables.Endpoint(4, "pod-4", "10.0.0.4") with { ContainerId = "container-1" });
        });

        Assert.Equal(["pod-2", "pod-3"], whileAccepting.Order());
        Assert.Equal(["pod-3", "pod-4"], _test.Tables.Endpoints.Snapshot().Values.Select(row => row.PodName).Order());
        Assert.Equal(["default/pod-3", "default/pod-4"], ipam.Snapshot().Select(lease => lease.Owner).Order());
        Assert.Empty(Directory.GetFiles(DeletionQueue.DirectoryBelow(_directory)));

        void Enqueue(string container) => queue.Enqueue(new EndpointBatchDeleteRequest { ContainerId = container });

        void Attach(LocalEndpointRow row)
        {
            _test.Write(write => write.Upsert(_test.Tables.Endpoints, row));
            ipam.Allocate(row.IPv4, $"default/{row.PodName}");
        }
    }

    [Fact]
    public void Without_a_queue_requests_are_accepted()
    {
        _test.Options.StateDirectory = _directory;
        var registry = new EndpointRegistry(
            _test.Tables, new NodeIpam(true, false), new EndpointStore(_directory), new FakeDatapath(), TimeProvider.System, NullLogger<EndpointRegistry>.Instance);
        var accepts = 0;
        new DeletionReplay(_test.Tables, _test.Options, registry, TimeProvider.System, NullLogger<DeletionReplay>.Instance).Run(() => accepts++);
        Assert.Equal(1, accepts);
    }

    /// <summary>The agent was there all the time, but too slow for the plugin.</summary>
    [Fact]
    public async Task A_running_agent_carries_out_what_is_queued_and_spares_what_was_attached_afterwards()
    {
        _test.Options.StateDirectory = _directory;
        var clock = new TestClock();
        var queuedAt = clock.GetUtcNow();
        foreach (var id in (ushort[])[1, 2, 3])
        {
            _test.Write(write => write.Upsert(
                _test.Tables.Endpoints, TestTables.Endpoint(id, $"pod-{id}", $"10.0.0.{id}") with { CreatedAt = queuedAt.AddMinutes(-1) }));
        }

        _test.Write(write => write.Upsert(
            _test.Tables.Endpoints, TestTables.Endpoint(4, "pod-4", "10.0.0.4") with { ContainerId = "container-1", CreatedAt = queuedAt.AddMinutes(1) }));
        var registry = new EndpointRegistry(
            _test.Tables, new NodeIpam(true, false), new EndpointStore(_directory), new FakeDatapath(), clock, NullLogger<EndpointRegistry>.Instance);
        using var stop = new CancellationTokenSource();
        var running = new DeletionReplay(_test.Tables, _test.Options, registry, clock, NullLogger<DeletionReplay>.Instance).RunAsync(stop.Token);

        // Twice: the folder is not there at first, and the loop goes on.
        foreach (var container in (string[])["container-1", "container-2"])
        {
            await AdvanceAsync();
            var path = new DeletionQueue(DeletionQueue.DirectoryBelow(_directory)).Enqueue(new EndpointBatchDeleteRequest { ContainerId = container });
            File.SetLastWriteTimeUtc(path, queuedAt.UtcDateTime);
            await AdvanceAsync();
            Assert.Empty(Directory.GetFiles(DeletionQueue.DirectoryBelow(_directory)));
        }

        Assert.Equal(["pod-3", "pod-4"], _test.Tables.Endpoints.Snapshot().Values.Select(row => row.PodName).Order());
        await TestTables.EndAsync(stop, running);

        // What the loop does is done when it waits again.
        async Task AdvanceAsync()
        {
            clock.Advance(TimeSpan.FromSeconds(30));
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            while (clock.Waiting == 0)
            {
                Assert.False(running.IsCompleted, running.Exception?.ToString());
                await Task.Delay(1, patience.Token);
            }
        }
    }
}
