using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class EndpointIdentityDerivationTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-identities-").FullName;
    private readonly TestTables _test = new();
    private readonly FakeIdentityAllocator _allocator = new();
    private readonly FakeTimeProvider _clock = new();
    private bool _isServerAway;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Labels_of_pod_and_namespace_make_the_identity()
    {
        _test.Write(write =>
        {
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "pod-a", "10.0.0.5"));
            write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "a"), ("pod-template-hash", "x")));
            write.Upsert(_test.Kubernetes.Namespaces, new NamespaceRow { Name = "default" });
        });
        await TestTables.RunUntilAsync(New(), () => _test.Tables.EndpointIdentities.Count == 1);
        var row = Assert.Single(_test.Tables.EndpointIdentities.Snapshot().Values);
        Assert.Equal(TestTables.LabelsOf("a"), row.Labels);
        Assert.Equal(new Identity(256), row.Identity);
        var saved = Assert.Single(new EndpointStore(_directory).Load().Records);
        Assert.Equal(256u, saved.Identity);
    }

    [Fact]
    public async Task An_endpoint_of_the_agents_own_has_its_reserved_identity_and_is_not_kept()
    {
        _test.Write(write => write.Upsert(
            _test.Tables.Endpoints, TestTables.Endpoint(1, "", "10.0.0.5") with { ContainerId = "", PodNamespace = "", ReservedIdentity = Identity.Health }));
        await TestTables.RunUntilAsync(New(), () => _test.Tables.EndpointIdentities.Count == 1);
        var row = Assert.Single(_test.Tables.EndpointIdentities.Snapshot().Values);
        Assert.Equal((Identity.Health, "reserved:health"), (row.Identity, string.Join(' ', row.Labels)));
        Assert.Empty(new EndpointStore(_directory).Load().Records);
    }

    [Fact]
    public async Task A_pod_that_comes_later_is_waited_for()
    {
        _test.Write(write => write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "pod-a", "10.0.0.5")));
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        _test.Write(write =>
        {
            write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "a")));
            write.Upsert(_test.Kubernetes.Namespaces, new NamespaceRow { Name = "default" });
        });
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Count == 1);
        Assert.Equal(new Identity(256), _test.Tables.EndpointIdentities.Snapshot().Values.Single().Identity);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task With_the_server_away_an_unknown_identity_starts_as_init_and_changes_later()
    {
        _isServerAway = true;
        _allocator.IsAway = true;
        _test.Options.IdentityPatienceWhenAway = TimeSpan.Zero;
        _test.Write(write =>
        {
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "pod-a", "10.0.0.5"));
            write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "a")));
            write.Upsert(_test.Kubernetes.Namespaces, new NamespaceRow { Name = "default" });
        });
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Count == 1);
        Assert.Equal(Identity.Init, _test.Tables.EndpointIdentities.Snapshot().Values.Single().Identity);
        _allocator.ComeBack();
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Snapshot().Values.Single().Identity == new Identity(256));
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task Changed_labels_change_the_identity_and_deletion_forgets_it()
    {
        _test.Write(write =>
        {
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "pod-a", "10.0.0.5"));
            write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "a")));
            write.Upsert(_test.Kubernetes.Namespaces, new NamespaceRow { Name = "default" });
        });
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Count == 1);
        _test.Write(write => write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "b"))));
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Snapshot().Values.Single().Identity == new Identity(257));
        _test.Write(write => write.Delete(_test.Tables.Endpoints, new EndpointId(1)));
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Count == 0);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task Labels_that_return_while_others_are_asked_for_keep_their_identity()
    {
        WritePod();
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Snapshot().Values.SingleOrDefault()?.Identity == new Identity(256));
        _allocator.IsAway = true;
        _test.Write(write => write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "b"))));
        await TestTables.UntilAsync(running, () => _allocator.Asked.Contains(TestTables.LabelsOf("b")));
        // The first labels with a port, which is the sign that the loop has looked.
        var port = new ContainerPort("web", 80, L4Protocol.Tcp);
        _test.Write(write => write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "a")) with { Ports = [port] }));
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Snapshot().Values.Single().PodPorts.Contains(port));

        _allocator.ComeBack();
        await TestTables.UntilAsync(running, () => _allocator.Answered == 2);
        // The loop takes answers last, so it has done so when it comes to the second endpoint.
        foreach (var id in (ushort[])[2, 3])
        {
            _test.Write(write => write.Upsert(
                _test.Tables.Endpoints, TestTables.Endpoint(id, "", "10.0.0.6") with { ContainerId = "", PodNamespace = "", ReservedIdentity = Identity.Health }));
            await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.TryGet(new EndpointId(id), out _));
        }

        Assert.True(_test.Tables.EndpointIdentities.TryGet(new EndpointId(1), out var row));
        Assert.Equal((new Identity(256), TestTables.LabelsOf("a")), (row.Identity, row.Labels));
        await TestTables.EndAsync(stop, running);
        Assert.Equal(256u, Assert.Single(new EndpointStore(_directory).Load().Records).Identity);
    }

    /// <summary>The kubelet and CNI know a static pod by the hash of its manifest; its mirror at the API server has another uid.</summary>
    [Fact]
    public async Task A_static_pod_has_the_identity_of_its_mirror()
    {
        _test.Write(write =>
        {
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "pod-a", "10.0.0.5") with { PodUid = "hash" });
            write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "a")) with { StaticUid = "hash" });
            write.Upsert(_test.Kubernetes.Namespaces, new NamespaceRow { Name = "default" });
        });
        await TestTables.RunUntilAsync(New(), () => _test.Tables.EndpointIdentities.Count == 1);
        var row = Assert.Single(_test.Tables.EndpointIdentities.Snapshot().Values);
        Assert.Equal((new Identity(256), "uid-pod-a"), (row.Identity, row.PodUid));
    }

    [Fact]
    public async Task An_identity_deleted_while_it_is_in_use_is_asked_for_anew()
    {
        _test.Write(write =>
        {
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "pod-a", "10.0.0.5"));
            write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "a")));
            write.Upsert(_test.Kubernetes.Namespaces, new NamespaceRow { Name = "default" });
            write.Upsert(_test.Kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = new Identity(256), Labels = TestTables.LabelsOf("a") });
        });
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Snapshot().Values.SingleOrDefault()?.Identity == new Identity(256));

        _allocator.Forget();
        _test.Write(write => write.Delete(_test.Kubernetes.CiliumIdentities, new Identity(256)));

        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Snapshot().Values.Single().Identity == new Identity(257));
        await TestTables.EndAsync(stop, running);
        Assert.Equal(257u, Assert.Single(new EndpointStore(_directory).Load().Records).Identity);
    }

    [Fact]
    public async Task A_running_endpoint_takes_its_next_identity_when_other_nodes_have_had_time_to_learn_it()
    {
        var begin = _clock.GetUtcNow();
        using var stop = new CancellationTokenSource();
        var running = await StartKnownAsync(stop.Token);
        Relabel("b");
        await TestTables.UntilAsync(running, () => _allocator.Asked.Contains(TestTables.LabelsOf("b")) && _test.Tables.Store.IsQuiet);
        Assert.Equal(new Identity(256), Row().Identity);
        await UntilLaterAsync(running, () => Row().Identity == new Identity(257));
        Assert.True(_clock.GetUtcNow() - begin >= _test.Options.IdentityChangeGracePeriod, $"changed after {_clock.GetUtcNow() - begin}");
        Assert.Equal(TestTables.LabelsOf("b"), Row().Labels);
        await TestTables.EndAsync(stop, running);
        Assert.Equal(257u, Assert.Single(new EndpointStore(_directory).Load().Records).Identity);
    }

    [Fact]
    public async Task Labels_that_change_again_begin_anew_and_labels_that_return_change_nothing()
    {
        using var stop = new CancellationTokenSource();
        var running = await StartKnownAsync(stop.Token);
        var seen = new HashSet<Identity>();
        Relabel("b");
        await TestTables.UntilAsync(running, () => _allocator.Asked.Contains(TestTables.LabelsOf("b")) && _test.Tables.Store.IsQuiet);
        Assert.Equal(new Identity(256), Row().Identity);

        // The first labels with a port, which is the sign that the loop has looked.
        var port = new ContainerPort("web", 80, L4Protocol.Tcp);
        _test.Write(write => write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "a")) with { Ports = [port] }));
        await TestTables.UntilAsync(running, () => Row().PodPorts.Contains(port));
        Relabel("c");
        await TestTables.UntilAsync(running, () => _allocator.Asked.Contains(TestTables.LabelsOf("c")) && _test.Tables.Store.IsQuiet);
        await UntilLaterAsync(running, () =>
        {
            var identity = Row().Identity;
            seen.Add(identity);
            return identity == new Identity(258);
        });
        Assert.DoesNotContain(new Identity(257), seen);
        Assert.Contains(new Identity(257), _allocator.Released);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task An_identity_that_is_deleted_under_an_endpoint_leaves_at_once_for_the_next()
    {
        using var stop = new CancellationTokenSource();
        var running = await StartKnownAsync(stop.Token);
        Relabel("b");
        await TestTables.UntilAsync(running, () => _allocator.Asked.Contains(TestTables.LabelsOf("b")) && _test.Tables.Store.IsQuiet);
        Assert.Equal(new Identity(256), Row().Identity);
        _test.Write(write => write.Delete(_test.Kubernetes.CiliumIdentities, new Identity(256)));
        await TestTables.UntilAsync(running, () => Row().Identity == new Identity(257));
        await TestTables.EndAsync(stop, running);
    }

    /// <summary>Its number may be given to other labels before the endpoint takes it.</summary>
    [Fact]
    public async Task A_next_identity_that_is_deleted_meanwhile_is_asked_for_anew()
    {
        using var stop = new CancellationTokenSource();
        var running = await StartKnownAsync(stop.Token);
        _test.Write(write => write.Upsert(
            _test.Kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = new Identity(257), Labels = TestTables.LabelsOf("b") }));
        Relabel("b");
        await TestTables.UntilAsync(running, () => _allocator.Asked.Contains(TestTables.LabelsOf("b")) && _test.Tables.Store.IsQuiet);
        _allocator.Forget();
        _test.Write(write => write.Delete(_test.Kubernetes.CiliumIdentities, new Identity(257)));
        await TestTables.UntilAsync(running, () => _allocator.Asked.Count(labels => labels.Equals(TestTables.LabelsOf("b"))) == 2);
        await UntilLaterAsync(running, () => Row().Identity != new Identity(256));
        Assert.Equal(new Identity(258), Row().Identity);
        await TestTables.EndAsync(stop, running);
    }

    /// <summary>A full disk or one that became read-only must not end the agent.</summary>
    [Fact]
    public async Task An_endpoint_that_cannot_be_saved_is_saved_later()
    {
        // No folder can be made below a file.
        var state = Path.Combine(_directory, "state");
        await File.WriteAllTextAsync(state, "", TestContext.Current.CancellationToken);
        WritePod();
        using var stop = new CancellationTokenSource();
        var running = New(_clock).RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Count == 1 && _test.Tables.Store.IsQuiet);
        await UntilLaterAsync(running, () => _clock.GetUtcNow() - _clock.Start > TimeSpan.FromMinutes(1));
        File.Delete(state);
        await UntilLaterAsync(running, () => File.Exists(Path.Combine(state, "1", "ep_config.json")));
        await TestTables.EndAsync(stop, running);
        Assert.Equal(256u, Assert.Single(new EndpointStore(_directory).Load().Records).Identity);
    }

    /// <summary>Transports tell their timeouts as cancellations.</summary>
    [Fact]
    public async Task A_cancellation_that_is_not_ours_has_the_identity_asked_for_again()
    {
        _allocator.Failure = new TaskCanceledException();
        WritePod();
        await TestTables.RunUntilAsync(New(), () => _test.Tables.EndpointIdentities.Snapshot().Values.SingleOrDefault()?.Identity == new Identity(256));
    }

    [Fact]
    public async Task A_failure_of_the_allocator_ends_the_loop()
    {
        _allocator.Failure = new InvalidOperationException("broken");
        WritePod();
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => New().RunAsync(stop.Token));
        Assert.Equal("broken", failure.Message);
    }

    private void WritePod() => _test.Write(write =>
    {
        write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "pod-a", "10.0.0.5"));
        write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", "a")));
        write.Upsert(_test.Kubernetes.Namespaces, new NamespaceRow { Name = "default" });
    });

    /// <summary>An endpoint that runs with identity 256, which the cluster knows, by a clock that stands.</summary>
    private async Task<Task> StartKnownAsync(CancellationToken cancellationToken)
    {
        WritePod();
        _test.Write(write => write.Upsert(
            _test.Kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = new Identity(256), Labels = TestTables.LabelsOf("a") }));
        var running = New(_clock).RunAsync(cancellationToken);
        await TestTables.UntilAsync(running, () => _test.Tables.EndpointIdentities.Count == 1 && Row().Identity == new Identity(256));
        return running;
    }

    private void Relabel(string app) => _test.Write(write => write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a", ("app", app))));

    private EndpointIdentityRow Row() => _test.Tables.EndpointIdentities.Snapshot().Values.Single();

    /// <summary>Moves the clock until a condition holds: the loop may begin to wait only after it was moved.</summary>
    private Task UntilLaterAsync(Task running, Func<bool> condition) => TestTables.UntilAsync(running, () =>
    {
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        return condition();
    });

    private EndpointIdentityDerivation New(TimeProvider? time = null) => new(
        _test.Tables,
        _test.Options,
        _allocator,
        new EndpointFiles(_test.Tables, new EndpointStore(_directory), time ?? TimeProvider.System, NullLogger<EndpointFiles>.Instance),
        () => _isServerAway,
        time ?? TimeProvider.System,
        NullLogger<EndpointIdentityDerivation>.Instance);
}
