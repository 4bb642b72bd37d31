using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Nodes;

namespace Cilium.ControlPlane.Tests.Agent;

/// <summary>A datapath that carries nothing; endpoints are done at once, or refused.</summary>
internal sealed class FakeDatapath : IDatapath
{
    public string? Refuses { get; set; }

    public int DeviceMtu => 1500;

    public int RouteMtu => 1450;

    public Task StartAsync(LocalNodeRow node, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>What became of an endpoint, by the revision that is waited for; null for what <see cref="Refuses"/> says.</summary>
    public Func<long, ReconcileStatus>? Status { get; set; }

    public Task<ReconcileStatus> WaitForEndpointAsync(EndpointId endpoint, long revision, CancellationToken cancellationToken) => Task.FromResult(
        Status?.Invoke(revision) ?? new ReconcileStatus(Refuses is null ? ReconcileState.Done : ReconcileState.Error, revision, Refuses ?? "", default, 0));

    /// <summary>What became of endpoints and policies; nobody knows unless it is here.</summary>
    public Dictionary<object, ReconcileStatus> Found { get; } = [];

    public ReconcileStatus? FindEndpointStatus(EndpointId endpoint) => Found.GetValueOrDefault(endpoint);

    public ReconcileStatus? FindPolicyStatus(PolicyContentKey policy) => Found.GetValueOrDefault(policy);

    /// <summary>Called by who waits for a table and a revision; done at once when null.</summary>
    public Func<object, long, Task>? Attempts { get; set; }

    public Task WaitUntilAttemptedAsync<TKey, TRow>(Table<TKey, TRow> table, long revision, CancellationToken cancellationToken)
        where TKey : notnull
        where TRow : class => Attempts?.Invoke(table, revision).WaitAsync(cancellationToken) ?? Task.CompletedTask;

    /// <summary>Nothing is carried, so nothing has a number.</summary>
    public uint? FindServiceId(L4Address frontend) => null;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
