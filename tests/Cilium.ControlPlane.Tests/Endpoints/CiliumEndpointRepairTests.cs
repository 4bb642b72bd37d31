using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class CiliumEndpointRepairTests
{
    private readonly TestTables _test = new();
    private readonly Writes _writes = new();

    /// <summary>Without it no other node would know the pod, and its identity would be collected while it is in use.</summary>
    [Fact]
    public async Task A_deleted_object_of_a_living_pod_is_written_again()
    {
        _test.Write(write =>
        {
            write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a"));
            foreach (var pod in (string[])["pod-a", "pod-b"])
            {
                write.Upsert(_test.Tables.CiliumEndpoints, new CiliumEndpointContent { Namespace = "default", Name = pod, PodUid = "uid-" + pod });
                write.Upsert(_test.Kubernetes.CiliumEndpoints, new CiliumEndpointRow { Namespace = "default", Name = pod, Uid = "1" });
            }
        });

        await OnlyAIsWrittenAgainAsync(write =>
        {
            // Nobody's pod is b: Kubernetes would collect its object again.
            write.Delete(_test.Kubernetes.CiliumEndpoints, new NamespacedName("default", "pod-b"));
            write.Delete(_test.Kubernetes.CiliumEndpoints, new NamespacedName("default", "pod-a"));
        });
    }

    [Fact]
    public async Task An_object_that_was_made_anew_between_two_looks_is_written_again()
    {
        _test.Write(write =>
        {
            foreach (var pod in (string[])["pod-a", "pod-b"])
            {
                write.Upsert(_test.Kubernetes.Pods, TestTables.Pod(pod));
                write.Upsert(_test.Tables.CiliumEndpoints, new CiliumEndpointContent { Namespace = "default", Name = pod, PodUid = "uid-" + pod });
                write.Upsert(_test.Kubernetes.CiliumEndpoints, new CiliumEndpointRow { Namespace = "default", Name = pod, Uid = "1" });
            }
        });

        await OnlyAIsWrittenAgainAsync(write =>
        {
            // What has merely changed is ours.
            write.Upsert(_test.Kubernetes.CiliumEndpoints, new CiliumEndpointRow { Namespace = "default", Name = "pod-b", Uid = "1", State = "ready" });
            write.Upsert(_test.Kubernetes.CiliumEndpoints, new CiliumEndpointRow { Namespace = "default", Name = "pod-a", Uid = "2" });
        });
    }

    private async Task OnlyAIsWrittenAgainAsync(Action<WriteTransaction> change)
    {
        var reconciler = new Reconciler<NamespacedName, CiliumEndpointContent>(
            _test.Tables.CiliumEndpoints, _writes, new ReconcilerOptions(), TimeProvider.System, NullLogger.Instance);
        using var stop = new CancellationTokenSource();
        var (running, repairing) = (reconciler.RunAsync(stop.Token), new CiliumEndpointRepair(_test.Tables, reconciler).RunAsync(stop.Token));
        await TestTables.UntilAsync(running, () => _writes.Of("pod-a") == 1 && _writes.Of("pod-b") == 1);

        _test.Write(change);
        await TestTables.UntilAsync(repairing, () => _writes.Of("pod-a") == 2);
        Assert.Equal(1, _writes.Of("pod-b"));
        await TestTables.EndAsync(stop, running);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => repairing);
    }

    private sealed class Writes : IReconcilerOperations<NamespacedName, CiliumEndpointContent>
    {
        private readonly List<string> _names = [];

        public int Of(string name)
        {
            lock (_names)
            {
                return _names.Count(written => written == name);
            }
        }

        public ValueTask ApplyAsync(ReconcileBatch<NamespacedName, CiliumEndpointContent> batch, CancellationToken cancellationToken)
        {
            lock (_names)
            {
                _names.AddRange(batch.Changes.Select(change => change.Key.Name));
            }

            return ValueTask.CompletedTask;
        }

        public ValueTask PruneAsync(TableSnapshot<NamespacedName, CiliumEndpointContent> desired, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
