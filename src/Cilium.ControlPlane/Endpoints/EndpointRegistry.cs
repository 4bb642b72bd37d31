using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Ipam;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>The writer of the endpoint table: what the CNI plugin asks for, kept on disk and paid for with addresses.</summary>
/// <remarks>Thread-safe. An address belongs to an endpoint for as long as its row exists, and no longer.</remarks>
public sealed partial class EndpointRegistry(
    AgentTables tables, INodeIpam ipam, EndpointStore store, IDatapath datapath, TimeProvider time, ILogger<EndpointRegistry> logger)
{
    private static readonly TimeSpan s_buildPatience = TimeSpan.FromSeconds(25);
    private readonly Lock _lock = new();

    // Gone, but the disk keeps their files: their numbers are nobody's until it takes them away.
    private readonly HashSet<EndpointId> _onDisk = [];
    private ushort _lastId;

    /// <summary>Reads the endpoints of the last run and takes their addresses. Call before anything is allocated.</summary>
    /// <param name="isAlive">False for an endpoint whose device is gone: it is forgotten.</param>
    /// <returns>The last known identities of what was restored.</returns>
    public IReadOnlyList<EndpointIdentityRow> Restore(Func<LocalEndpointRow, bool> isAlive)
    {
        ArgumentNullException.ThrowIfNull(isAlive);
        var (records, problems) = store.Load();
        foreach (var problem in problems)
        {
            LogUnreadable(logger, problem);
        }

        var restored = new List<LocalEndpointRow>();
        var identities = new List<EndpointIdentityRow>();
        foreach (var record in records)
        {
            var row = record.ToEndpoint(out _)!;
            if (!isAlive(row))
            {
                LogGone(logger, row.Id, row.Owner, row.InterfaceName);
                Forget(row.Id);
                continue;
            }

            foreach (var address in row.Addresses())
            {
                var result = ipam.Allocate(address, row.Owner);
                if (!result.IsOk)
                {
                    LogAddressLost(logger, row.Id, address, result.Message);
                }
            }

            restored.Add(row);
            _lastId = Math.Max(_lastId, row.Id.Value);
            if (record.ToIdentity() is { } identity)
            {
                identities.Add(identity);
            }
        }

        tables.Store.Write(transaction =>
        {
            foreach (var row in restored)
            {
                transaction.Upsert(tables.Endpoints, row);
            }
        });
        LogRestored(logger, restored.Count);
        return identities;
    }

    /// <summary>Creates an endpoint and, if asked to, waits until it can carry traffic. A failure leaves nothing behind but the addresses' leases.</summary>
    /// <exception cref="EndpointException">The request is wrong, conflicts, or the datapath refuses.</exception>
    public async Task<LocalEndpointRow> CreateAsync(EndpointChangeRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var row = EndpointRequests.Read(request, time.GetUtcNow());
        // 1. A former attempt of the same sandbox goes. 2. The addresses become the endpoint's. 3. Row and file. 4. The datapath.
        Delete(endpoint => endpoint.AttachmentId == row.AttachmentId, keepAddresses: [.. row.Addresses()]);
        Claim(row, row.IPv4, request.Addressing?.Ipv4ExpirationUuid);
        Claim(row, row.IPv6, request.Addressing?.Ipv6ExpirationUuid);
        var revision = tables.Store.Write(transaction =>
        {
            row = row with { Id = ChooseId(transaction) };
            transaction.Upsert(tables.Endpoints, row);
        });
        try
        {
            // The row woke the derivation, which may have saved the identity already, and anybody may have deleted the row.
            store.SaveNew(EndpointRecord.Of(row, null));
            if (!tables.Endpoints.TryGet(row.Id, out _))
            {
                Forget(row.Id);
            }

            if (request.SyncBuildEndpoint)
            {
                await WaitAsync(row, revision, cancellationToken).ConfigureAwait(false);
            }

            return row;
        }
        catch (Exception)
        {
            Delete(endpoint => endpoint.Id == row.Id, keepAddresses: []);
            throw;
        }
    }

    /// <summary>Adds an endpoint that the agent itself made and whose addresses it has taken, and waits until it can carry traffic. No file keeps it.</summary>
    /// <exception cref="EndpointException">The datapath refuses; the endpoint is gone again, and its addresses are free.</exception>
    public async Task<LocalEndpointRow> AddOwnAsync(LocalEndpointRow row, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(row);
        var revision = tables.Store.Write(transaction =>
        {
            row = row with { Id = ChooseId(transaction) };
            transaction.Upsert(tables.Endpoints, row);
        });
        try
        {
            await WaitAsync(row, revision, cancellationToken).ConfigureAwait(false);
            return row;
        }
        catch (Exception)
        {
            Delete(endpoint => endpoint.Id == row.Id, keepAddresses: []);
            throw;
        }
    }

    /// <summary>Removes endpoints and frees their addresses; deleting the absent removes none.</summary>
    /// <returns>The endpoints removed.</returns>
    public IReadOnlyList<LocalEndpointRow> Delete(Func<LocalEndpointRow, bool> matches) => Delete(matches, keepAddresses: []);

    /// <summary>Says that a restored endpoint's pod was seen, or that its device got another index.</summary>
    public void Confirm(EndpointId id) => tables.Store.Write(transaction =>
    {
        if (transaction.TryGet(tables.Endpoints, id, out var row) && row.IsRestored)
        {
            transaction.Upsert(tables.Endpoints, row with { IsRestored = false });
        }
    });

    private List<LocalEndpointRow> Delete(Func<LocalEndpointRow, bool> matches, IReadOnlyList<IpAddr> keepAddresses)
    {
        ArgumentNullException.ThrowIfNull(matches);
        var removed = new List<LocalEndpointRow>();
        tables.Store.Write(transaction =>
        {
            foreach (var row in transaction.Rows(tables.Endpoints))
            {
                if (matches(row) && transaction.Delete(tables.Endpoints, row.Id))
                {
                    removed.Add(row);
                }
            }
        });
        ForgetWhatIsLeft();
        foreach (var row in removed)
        {
            Forget(row.Id);
            foreach (var address in row.Addresses())
            {
                if (!keepAddresses.Contains(address))
                {
                    ipam.Release(address);
                }
            }

            LogDeleted(logger, row.Id, row.Owner);
        }

        return removed;
    }

    /// <summary>Removes an endpoint's file; what a read-only or broken disk keeps is tried again at the next deletion, and else when the agent starts.</summary>
    private void Forget(EndpointId id)
    {
        try
        {
            store.Remove(id);
            lock (_lock)
            {
                _onDisk.Remove(id);
            }
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            lock (_lock)
            {
                if (!_onDisk.Add(id))
                {
                    return;
                }
            }

            LogNotForgotten(logger, id, refusal.Message);
        }
    }

    private void ForgetWhatIsLeft()
    {
        EndpointId[] left;
        lock (_lock)
        {
            left = [.. _onDisk];
        }

        foreach (var id in left)
        {
            Forget(id);
        }
    }

    private void Claim(LocalEndpointRow row, IpAddr address, string? expiration)
    {
        if (address.IsNone)
        {
            return;
        }

        if (tables.Endpoints.Snapshot().Values.FirstOrDefault(other => other.Addresses().Contains(address)) is { } owner)
        {
            throw new EndpointException(409, $"address {address} belongs to endpoint {owner.Id} ({owner.Owner})");
        }

        if (Guid.TryParse(expiration, out var id) && ipam.Commit(address, id))
        {
            return;
        }

        // Without a lease of its own, or with one that expired: taken now if nobody else has it.
        var result = ipam.Allocate(address, row.Owner);
        if (!result.IsOk)
        {
            throw new EndpointException(409, result.Message);
        }
    }

    private EndpointId ChooseId(WriteTransaction transaction)
    {
        lock (_lock)
        {
            for (var tried = 0; tried < ushort.MaxValue; tried++)
            {
                _lastId = _lastId == ushort.MaxValue ? (ushort)1 : (ushort)(_lastId + 1);
                if (!transaction.TryGet(tables.Endpoints, new EndpointId(_lastId), out _) && !_onDisk.Contains(new EndpointId(_lastId)))
                {
                    return new EndpointId(_lastId);
                }
            }
        }

        throw new EndpointException(500, "all 65535 endpoint ids are in use");
    }

    private async Task WaitAsync(LocalEndpointRow row, long revision, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(s_buildPatience, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            var status = await WaitForNewestAsync(row.Id, revision, linked.Token).ConfigureAwait(false);
            if (status.State == ReconcileState.Error)
            {
                throw new EndpointException(500, $"the datapath refuses endpoint {row.Id} ({row.Owner}): {status.Message}");
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new EndpointException(500, $"endpoint {row.Id} ({row.Owner}) was not ready within {s_buildPatience.TotalSeconds} s");
        }
    }

    // A row may be refused because the policy it names has just made way for another; the row that names that one is on its way then. Once the table
    // as it is now was attempted, a status of the same row is the last word.
    private async Task<ReconcileStatus> WaitForNewestAsync(EndpointId id, long revision, CancellationToken cancellationToken)
    {
        var status = await datapath.WaitForEndpointAsync(id, revision, cancellationToken).ConfigureAwait(false);
        while (status.State == ReconcileState.Error && tables.Datapath.Endpoints.Revision is var newest && newest > status.Revision)
        {
            await datapath.WaitUntilAttemptedAsync(tables.Datapath.Endpoints, newest, cancellationToken).ConfigureAwait(false);
            var refused = status.Revision;
            status = await datapath.WaitForEndpointAsync(id, revision, cancellationToken).ConfigureAwait(false);
            if (status.Revision == refused)
            {
                break;
            }
        }

        return status;
    }

    [LoggerMessage(1, LogLevel.Information, "Restored {Count} endpoints")]
    private static partial void LogRestored(ILogger logger, int count);

    [LoggerMessage(2, LogLevel.Information, "Endpoint {Endpoint} of {Owner} is forgotten: its device {Device} is gone")]
    private static partial void LogGone(ILogger logger, EndpointId endpoint, string owner, string device);

    [LoggerMessage(3, LogLevel.Warning, "Endpoint {Endpoint} keeps address {Address}, which the node may not give: {Reason}")]
    private static partial void LogAddressLost(ILogger logger, EndpointId endpoint, IpAddr address, string reason);

    [LoggerMessage(4, LogLevel.Warning, "An endpoint on disk is dropped: {Reason}")]
    private static partial void LogUnreadable(ILogger logger, string reason);

    [LoggerMessage(6, LogLevel.Warning, "The file of endpoint {Endpoint}, which is gone, cannot be removed, trying again: {Reason}")]
    private static partial void LogNotForgotten(ILogger logger, EndpointId endpoint, string reason);

    [LoggerMessage(5, LogLevel.Information, "Endpoint {Endpoint} of {Owner} is deleted")]
    private static partial void LogDeleted(ILogger logger, EndpointId endpoint, string owner);
}
