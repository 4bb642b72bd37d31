using System.Threading.Channels;
using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Policy;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Endpoints, pods and namespaces in, identities of endpoints out; keeps the last identity on disk, if there are files.</summary>
/// <remarks>
/// An endpoint whose pod is not known, or whose identity the API server does not give in time, starts as <c>reserved:init</c> and changes when
/// more is known. A restored endpoint keeps the identity it had until its pod has been seen. An endpoint whose labels change takes its next identity
/// only when other nodes have had time to learn it, unless the cluster has forgotten the one that it has.
/// </remarks>
internal sealed partial class EndpointIdentityDerivation(
    AgentTables tables, AgentOptions options, IIdentityAllocator allocator, EndpointFiles? files, Func<bool> isServerAway,
    TimeProvider time, ILogger<EndpointIdentityDerivation> logger) : IAgentLoop
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_askAgain = TimeSpan.FromSeconds(1);
    private readonly Dictionary<EndpointId, Waiting> _waiting = [];
    private readonly Dictionary<EndpointId, Wanted> _wanted = [];
    private readonly HeldIdentities _held = new();
    // At most one question per endpoint is open, so the bound is never met.
    private readonly Channel<(EndpointId Id, LabelSet Labels, Identity Identity)> _answers =
        Channel.CreateBounded<(EndpointId, LabelSet, Identity)>(ushort.MaxValue);

    public string Name => "endpoint-identities";

    /// <summary>Writes the identities that endpoints had before a restart. Call before <see cref="RunAsync"/>.</summary>
    public void Restore(IEnumerable<EndpointIdentityRow> rows) => tables.Store.Write(transaction =>
    {
        foreach (var row in rows)
        {
            transaction.Upsert(tables.EndpointIdentities, row);
        }
    });

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var endpoints = tables.Endpoints.Subscribe();
        using var pods = tables.Kubernetes.Pods.Subscribe();
        using var namespaces = tables.Kubernetes.Namespaces.Subscribe();
        using var identities = tables.Kubernetes.CiliumIdentities.Subscribe();
        var wakeup = new Wakeup(
            time, endpoints.WaitAsync, pods.WaitAsync, namespaces.WaitAsync, identities.WaitAsync, token => _answers.Reader.WaitToReadAsync(token).AsTask());
        while (true)
        {
            var touched = new HashSet<EndpointId>(_waiting.Keys);
            foreach (var change in endpoints.Drain())
            {
                if (change.IsDelete)
                {
                    await ForgetAsync(change.Key, cancellationToken).ConfigureAwait(false);
                    touched.Remove(change.Key);
                }
                else
                {
                    touched.Add(change.Key);
                }
            }

            var deleted = identities.Drain().Where(change => change.IsDelete).Select(change => change.Key).ToHashSet();
            await AskAnewAsync(deleted, touched, cancellationToken).ConfigureAwait(false);
            var changedPods = pods.Drain().Select(change => change.Key).ToHashSet();
            var changedNamespaces = namespaces.Drain().Select(change => change.Key).ToHashSet();
            if (changedPods.Count > 0 || changedNamespaces.Count > 0)
            {
                foreach (var row in tables.Endpoints.Snapshot().Values)
                {
                    if (changedPods.Contains(row.Pod) || changedNamespaces.Contains(row.PodNamespace))
                    {
                        touched.Add(row.Id);
                    }
                }
            }

            foreach (var id in touched)
            {
                if (tables.Endpoints.TryGet(id, out var row))
                {
                    await DeriveAsync(row, cancellationToken).ConfigureAwait(false);
                }
            }

            await TakeAnswersAsync(cancellationToken).ConfigureAwait(false);
            await TakeHeldAsync(cancellationToken).ConfigureAwait(false);
            files?.TryAgain();
            await wakeup.WaitAsync(UntilNextLook(), cancellationToken).ConfigureAwait(false);
        }
    }

    private TimeSpan? UntilNextLook()
    {
        var look = _waiting.Count > 0 ? s_look : files?.UntilNextTry;
        return _held.UntilNext(time) is { } held && !(look < held) ? held : look;
    }

    // A number that was deleted while it is in use here may be given to other labels: those who have it, or are about to, need another.
    private async ValueTask AskAnewAsync(HashSet<Identity> deleted, HashSet<EndpointId> touched, CancellationToken cancellationToken)
    {
        deleted.RemoveWhere(identity => tables.Kubernetes.CiliumIdentities.TryGet(identity, out _));
        if (deleted.Count == 0)
        {
            return;
        }

        foreach (var row in tables.EndpointIdentities.Snapshot().Values)
        {
            if (deleted.Contains(row.Identity))
            {
                LogIdentityDeleted(logger, row.Identity, row.Id);
                await AbandonAsync(row.Id, cancellationToken).ConfigureAwait(false);
                touched.Add(row.Id);
            }
        }

        foreach (var id in _held.WaitingFor(deleted))
        {
            await AbandonAsync(id, cancellationToken).ConfigureAwait(false);
            touched.Add(id);
        }
    }

    private async ValueTask DeriveAsync(LocalEndpointRow row, CancellationToken cancellationToken)
    {
        if (row.ReservedIdentity != Identity.Unknown)
        {
            Write(row, row.ReservedIdentity, ReservedIdentities.LabelsOf(row.ReservedIdentity), null);
            return;
        }

        if (row.PodName.Length == 0)
        {
            Write(row, Identity.Init, LabelSet.Reserved("init"), null);
            return;
        }

        if (!tables.Kubernetes.Pods.TryGet(row.Pod, out var pod)
            || !pod.HasUid(row.PodUid)
            || !tables.Kubernetes.Namespaces.TryGet(row.PodNamespace, out var podNamespace))
        {
            WaitFor(row);
            return;
        }

        var labels = new PodLabels
        {
            Namespace = row.PodNamespace,
            Labels = pod.Labels,
            NamespaceLabels = podNamespace.Labels,
            ServiceAccount = pod.ServiceAccount,
            ClusterName = options.ClusterName,
        }.Derive(options.LabelFilter);
        if (tables.EndpointIdentities.TryGet(row.Id, out var present) && present.Labels.Equals(labels) && present.Identity != Identity.Init)
        {
            await TakeReferenceAsync(row.Id, labels, cancellationToken).ConfigureAwait(false);
            // The labels may have another number by now, which the allocator has just given.
            Write(row, tables.EndpointIdentities.TryGet(row.Id, out var now) ? now.Identity : present.Identity, labels, pod);
            _waiting.Remove(row.Id);
            return;
        }

        if (_wanted.TryGetValue(row.Id, out var wanted) && wanted.Labels.Equals(labels))
        {
            WaitFor(row);
            return;
        }

        if (!await TryAskAsync(row.Id, labels, cancellationToken).ConfigureAwait(false))
        {
            WaitFor(row);
        }
    }

    // The allocator may count users; a restored endpoint becomes one when its pod is seen. A question that is still open for labels that the pod
    // had in between must not be answered any more.
    private async ValueTask TakeReferenceAsync(EndpointId id, LabelSet labels, CancellationToken cancellationToken)
    {
        if (!_wanted.TryGetValue(id, out var wanted) || !wanted.Labels.Equals(labels))
        {
            await TryAskAsync(id, labels, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool> TryAskAsync(EndpointId id, LabelSet labels, CancellationToken cancellationToken)
    {
        await AbandonAsync(id, cancellationToken).ConfigureAwait(false);
        var question = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _wanted[id] = new Wanted(labels, question);
        var request = allocator.AllocateAsync(labels, question.Token);
        if (!request.IsCompletedSuccessfully)
        {
            _ = AnswerAsync(id, labels, request, question.Token);
            return false;
        }

        await AssignAsync(id, labels, request.Result, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async ValueTask AbandonAsync(EndpointId id, CancellationToken cancellationToken)
    {
        if (_wanted.Remove(id, out var wanted))
        {
            await wanted.Question.CancelAsync().ConfigureAwait(false);
            wanted.Question.Dispose();
        }

        if (_held.Drop(id, out var held))
        {
            await allocator.ReleaseAsync(held.Identity, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task AnswerAsync(EndpointId id, LabelSet labels, ValueTask<Identity> request, CancellationToken question)
    {
        try
        {
            await _answers.Writer.WriteAsync((id, labels, await RepeatAsync(id, labels, request, question).ConfigureAwait(false)), CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (question.IsCancellationRequested)
        {
            // The endpoint is gone, wants other labels, or the agent stops: nobody waits for the answer.
            return;
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // The loop ends with it.
            _answers.Writer.TryComplete(failure);
        }
    }

    private async Task<Identity> RepeatAsync(EndpointId id, LabelSet labels, ValueTask<Identity> request, CancellationToken question)
    {
        while (true)
        {
            try
            {
                return await request.ConfigureAwait(false);
            }
            catch (OperationCanceledException exception) when (!question.IsCancellationRequested)
            {
                // A transport tells its timeouts so.
                LogNoAnswer(logger, id, exception.Message);
            }

            await Task.Delay(s_askAgain, time, question).ConfigureAwait(false);
            request = allocator.AllocateAsync(labels, question);
        }
    }

    private async ValueTask TakeAnswersAsync(CancellationToken cancellationToken)
    {
        while (_answers.Reader.TryRead(out var answer))
        {
            await AssignAsync(answer.Id, answer.Labels, answer.Identity, cancellationToken).ConfigureAwait(false);
        }

        if (_answers.Reader.Completion.IsFaulted)
        {
            await _answers.Reader.Completion.ConfigureAwait(false);
        }
    }

    private async ValueTask AssignAsync(EndpointId id, LabelSet labels, Identity identity, CancellationToken cancellationToken)
    {
        // An answer to a question that is no longer asked gives its reference back.
        if (!tables.Endpoints.TryGet(id, out var row) || !_wanted.TryGetValue(id, out var wanted) || !wanted.Labels.Equals(labels))
        {
            await allocator.ReleaseAsync(identity, cancellationToken).ConfigureAwait(false);
            return;
        }

        if (options.IdentityChangeGracePeriod > TimeSpan.Zero && IsChange(id, labels, identity))
        {
            _held.Hold(new HeldIdentity(id, labels, identity, options.IdentityChangeGracePeriod, time.GetTimestamp()));
            return;
        }

        await ChangeAsync(row, labels, identity, cancellationToken).ConfigureAwait(false);
    }

    // Who has no identity yet, or only reserved:init, or one that the cluster does not know any more, is better off with the new one at once.
    private bool IsChange(EndpointId id, LabelSet labels, Identity identity) =>
        tables.EndpointIdentities.TryGet(id, out var present) && present.Identity != identity && !present.Labels.Equals(labels)
        && tables.Kubernetes.CiliumIdentities.TryGet(present.Identity, out _);

    private async ValueTask TakeHeldAsync(CancellationToken cancellationToken)
    {
        foreach (var held in _held.TakeDue(time))
        {
            if (tables.Endpoints.TryGet(held.Endpoint, out var row))
            {
                await ChangeAsync(row, held.Labels, held.Identity, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await allocator.ReleaseAsync(held.Identity, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask ChangeAsync(LocalEndpointRow row, LabelSet labels, Identity identity, CancellationToken cancellationToken)
    {
        tables.Kubernetes.Pods.TryGet(row.Pod, out var pod);
        var before = tables.EndpointIdentities.TryGet(row.Id, out var present) ? present : null;
        Write(row, identity, labels, pod);
        _waiting.Remove(row.Id);
        if (before is not null && before.Identity != identity && before.Identity.Value >= Identity.MinimumAllocated)
        {
            await allocator.ReleaseAsync(before.Identity, cancellationToken).ConfigureAwait(false);
        }
    }

    private void WaitFor(LocalEndpointRow row)
    {
        if (tables.EndpointIdentities.TryGet(row.Id, out _))
        {
            return;
        }

        var now = time.GetUtcNow();
        if (!_waiting.TryGetValue(row.Id, out var waiting))
        {
            _waiting[row.Id] = waiting = new Waiting(now);
        }

        if (now - waiting.Since >= (isServerAway() ? options.IdentityPatienceWhenAway : options.IdentityPatience))
        {
            LogStartsAsInit(logger, row.Id, row.Owner);
            _waiting.Remove(row.Id);
            Write(row, Identity.Init, LabelSet.Reserved("init"), null);
        }
    }

    private void Write(LocalEndpointRow row, Identity identity, LabelSet labels, PodRow? pod)
    {
        var identityRow = new EndpointIdentityRow
        {
            Id = row.Id,
            Identity = identity,
            Labels = labels,
            NamedPorts = pod is null
                ? default
                : NamedPort.Normalize(pod.Ports.Where(port => port.Name.Length > 0).Select(port => new NamedPort(port.Name, port.Protocol, port.Port))),
            PodUid = pod?.Uid ?? row.PodUid,
            ServiceAccount = pod?.ServiceAccount ?? "",
            PodPorts = pod?.Ports ?? default,
        };
        var isNew = false;
        tables.Store.Write(transaction =>
        {
            // Deleted meanwhile: its row must not come back.
            if (transaction.TryGet(tables.Endpoints, row.Id, out _))
            {
                isNew = transaction.Upsert(tables.EndpointIdentities, identityRow);
            }
        });
        if (isNew && row.ReservedIdentity == Identity.Unknown)
        {
            files?.Save(row.Id);
        }
    }

    private async ValueTask ForgetAsync(EndpointId id, CancellationToken cancellationToken)
    {
        _waiting.Remove(id);
        await AbandonAsync(id, cancellationToken).ConfigureAwait(false);
        if (tables.EndpointIdentities.TryGet(id, out var row))
        {
            tables.Store.Write(transaction => transaction.Delete(tables.EndpointIdentities, id));
            if (row.Identity.Value >= Identity.MinimumAllocated)
            {
                await allocator.ReleaseAsync(row.Identity, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private sealed record Waiting(DateTimeOffset Since);

    private sealed record Wanted(LabelSet Labels, CancellationTokenSource Question);

    [LoggerMessage(1, LogLevel.Warning, "Endpoint {Endpoint} of {Owner} starts as reserved:init: its identity is not known yet")]
    private static partial void LogStartsAsInit(ILogger logger, EndpointId endpoint, string owner);

    [LoggerMessage(2, LogLevel.Warning, "CiliumIdentity {Identity} was deleted while endpoint {Endpoint} uses it: asking for another")]
    private static partial void LogIdentityDeleted(ILogger logger, Identity identity, EndpointId endpoint);

    [LoggerMessage(3, LogLevel.Warning, "No identity for endpoint {Endpoint} yet, asking again: {Reason}")]
    private static partial void LogNoAnswer(ILogger logger, EndpointId endpoint, string reason);
}
