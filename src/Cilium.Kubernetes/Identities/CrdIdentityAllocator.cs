using System.Globalization;
using System.Text.Json;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Identities;
using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;
using Microsoft.Extensions.Logging;

namespace Cilium.Kubernetes;

/// <summary>Finds the cluster-wide identity of a set of labels, or creates it as a CiliumIdentity; safe with many agents at once.</summary>
/// <remarks>
/// Thread-safe. Known label sets are answered from the table, also while the API server is away. When several agents create identities of
/// the same labels at once, all end with the one created first, and the others are deleted by those who created them.
/// </remarks>
public sealed partial class CrdIdentityAllocator : IDisposable
{
    private const int MaximumAttempts = 64;

    /// <summary>How long what was created is answered before the watch tells of it; far shorter than it takes until the operator may delete it.</summary>
    private static readonly TimeSpan s_echo = TimeSpan.FromMinutes(1);
    private readonly KubernetesObjects _objects;
    private readonly IReadTable<Identity, CiliumIdentityRow> _table;
    private readonly IdentityIndex _index;
    private readonly CrdIdentityAllocatorOptions _options;
    private readonly Random _random;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<LabelSet, Task<Identity>> _running = [];
    private readonly Dictionary<LabelSet, Fresh> _fresh = [];

    /// <summary>Makes an allocator over the table that a reflector fills.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public CrdIdentityAllocator(
        KubernetesConnection connection,
        IReadTable<Identity, CiliumIdentityRow> table,
        CrdIdentityAllocatorOptions options,
        Random random,
        ILogger<CrdIdentityAllocator> logger)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _objects = new KubernetesObjects(connection);
        _table = table;
        _index = new IdentityIndex(table);
        _options = options;
        _random = random;
        _time = connection.Time;
        _logger = logger;
    }

    /// <summary>Finds the identity of labels without asking the server.</summary>
    public bool TryFind(LabelSet labels, out Identity identity)
    {
        var row = Seen(labels) ?? Created(labels);
        identity = row?.Id ?? Identity.Unknown;
        return row is not null;
    }

    /// <summary>Finds or creates the identity of labels.</summary>
    /// <exception cref="IdentityAllocationException">The labels are new and the server is away or refuses, or all numbers are taken.</exception>
    public Task<Identity> AllocateAsync(LabelSet labels, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(labels);
        if (Seen(labels) is { UnusedSince.Length: 0 } row)
        {
            return Task.FromResult(row.Id);
        }

        lock (_lock)
        {
            if (!_running.TryGetValue(labels, out var task))
            {
                // Several callers may wait for it: one who gives up must not take it from the others. Requests have their own timeout.
                task = Task.Run(() => FindOrCreateAsync(labels), CancellationToken.None);
                _running.Add(labels, task);
            }

            return task.WaitAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _index.Dispose();

    /// <summary>What the watch tells now.</summary>
    private CiliumIdentityRow? Seen(LabelSet labels)
    {
        var row = _index.Find(labels);
        if (row is not null)
        {
            lock (_lock)
            {
                _fresh.Remove(labels);
            }
        }

        return row;
    }

    /// <summary>What the server confirmed a moment ago.</summary>
    private CiliumIdentityRow? Created(LabelSet labels)
    {
        lock (_lock)
        {
            return _fresh.TryGetValue(labels, out var fresh) && IsRecent(fresh) ? fresh.Row : null;
        }
    }

    /// <summary>What the server confirmed a moment ago and still has: its end may have been told as well before anybody asked again.</summary>
    private async Task<CiliumIdentityRow?> ConfirmAsync(LabelSet labels)
    {
        if (Created(labels) is not { } created)
        {
            return null;
        }

        try
        {
            if (await ReadAsync(created.Id) is { } present && present.Labels.Equals(labels))
            {
                return present;
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or TimeoutException)
        {
            // Nobody deletes it through a server that is away.
            return created;
        }

        lock (_lock)
        {
            _fresh.Remove(labels);
        }

        return null;
    }

    private bool IsRecent(Fresh fresh) => _time.GetElapsedTime(fresh.Since) < s_echo;

    private async Task<Identity> FindOrCreateAsync(LabelSet labels)
    {
        try
        {
            var row = Seen(labels) ?? await ConfirmAsync(labels);
            if (row is { UnusedSince.Length: > 0 } && !await TryKeepAsync(row))
            {
                row = null;
            }

            row ??= await CreateAsync(labels);
            return row.Id;
        }
        catch (Exception exception) when (exception is KubernetesException or HttpRequestException or IOException or TimeoutException or JsonException
            or OperationCanceledException)
        {
            // Nobody can cancel this: a cancellation is a timeout of the transport.
            throw new IdentityAllocationException(labels, exception.Message, exception);
        }
        finally
        {
            lock (_lock)
            {
                _running.Remove(labels);
            }
        }
    }

    /// <summary>Takes the operator's mark off an identity that is about to be used again; false when it is already deleted.</summary>
    private async Task<bool> TryKeepAsync(CiliumIdentityRow row)
    {
        var patch = new CiliumIdentityWire
        {
            Metadata = new MetaWire { Annotations = new Dictionary<string, string> { [CiliumDecoders.UnusedAnnotation] = null! } },
        };
        try
        {
            return await _objects.PatchAsync(
                Resource.CiliumIdentities, KeyOf(row.Id), "", KubernetesObjects.MergePatch, patch, WireJson.Default.CiliumIdentityWire, CancellationToken.None) is not null;
        }
        catch (Exception exception) when (exception is HttpRequestException or TimeoutException)
        {
            // The operator cannot delete it through a server that is away; when it is back, our CiliumEndpoint speaks for it.
            LogUnmarkFailed(_logger, row.Id.Value, exception.Message);
            return true;
        }
    }

    private async Task<CiliumIdentityRow> CreateAsync(LabelSet labels)
    {
        var taken = new HashSet<uint>();
        for (var attempt = 0; attempt < MaximumAttempts; attempt++)
        {
            var id = PickFree(labels, taken);
            var created = await TryCreateAsync(labels, id);
            if (created is null)
            {
                // Somebody was faster with this number, perhaps for the same labels.
                taken.Add(id.Value);
                if (await ReadAsync(id) is { } other && other.Labels.Equals(labels))
                {
                    return await SettleAsync(labels, other, false);
                }

                continue;
            }

            return await SettleAsync(labels, created, true);
        }

        throw new IdentityAllocationException(labels, $"{MaximumAttempts} numbers in a row were taken by others", null);
    }

    private async Task<CiliumIdentityRow?> TryCreateAsync(LabelSet labels, Identity id)
    {
        var value = new CiliumIdentityWire
        {
            ApiVersion = Resource.CiliumIdentities.ApiVersion,
            Kind = Resource.CiliumIdentities.Kind,
            Metadata = new MetaWire { Name = KeyOf(id).Name, Labels = IdentityLabels.Metadata(labels) },
            SecurityLabels = IdentityLabels.Security(labels),
        };
        try
        {
            return CiliumDecoders.Row(
                await _objects.CreateAsync(Resource.CiliumIdentities, "", value, WireJson.Default.CiliumIdentityWire, CancellationToken.None));
        }
        catch (KubernetesException exception) when (exception.IsAlreadyExists)
        {
            return null;
        }
    }

    /// <summary>Looks for identities of the same labels that were created before ours; of several the first created wins.</summary>
    private async Task<CiliumIdentityRow> SettleAsync(LabelSet labels, CiliumIdentityRow mine, bool isOurs)
    {
        var present = await _objects.ListAsync(
            Resource.CiliumIdentities, IdentityLabels.Selector(labels), WireJson.Default.CiliumIdentityWire, CancellationToken.None);
        var rivals = present.Select(CiliumDecoders.Row).Where(row => row is not null && row.Labels.Equals(labels)).Select(row => row!);
        var winner = IdentityOrder.Oldest(rivals) ?? mine;
        if (isOurs && winner.Id != mine.Id)
        {
            LogLostRace(_logger, mine.Id.Value, winner.Id.Value, labels.ToString());
            await _objects.DeleteAsync(Resource.CiliumIdentities, KeyOf(mine.Id), mine.Uid, null, CancellationToken.None);
        }

        lock (_lock)
        {
            foreach (var (old, fresh) in _fresh)
            {
                if (!IsRecent(fresh))
                {
                    _fresh.Remove(old);
                }
            }

            _fresh[labels] = new Fresh(winner, _time.GetTimestamp());
        }

        return winner;
    }

    private async Task<CiliumIdentityRow?> ReadAsync(Identity id) =>
        CiliumDecoders.Row(await _objects.GetAsync(Resource.CiliumIdentities, KeyOf(id), WireJson.Default.CiliumIdentityWire, CancellationToken.None));

    /// <summary>A random free number: agents that allocate at the same time should not meet.</summary>
    private Identity PickFree(LabelSet labels, HashSet<uint> taken)
    {
        var used = _table.Snapshot();
        var count = _options.Maximum - _options.Minimum + 1;
        var start = (uint)_random.NextInt64(count);
        for (uint i = 0; i < count; i++)
        {
            var id = new Identity(_options.Minimum + ((start + i) % count));
            if (!used.TryGet(id, out _) && !taken.Contains(id.Value))
            {
                return id;
            }
        }

        throw new IdentityAllocationException(labels, $"all numbers from {_options.Minimum} to {_options.Maximum} are taken", null);
    }

    /// <summary>An identity that the server has confirmed, and when.</summary>
    private readonly record struct Fresh(CiliumIdentityRow Row, long Since);

    private static NamespacedName KeyOf(Identity id) => new("", id.Value.ToString(CultureInfo.InvariantCulture));

    [LoggerMessage(1, LogLevel.Information, "Identity {Mine} gives way to {Winner}, which was created first for the labels {Labels}")]
    private static partial void LogLostRace(ILogger logger, uint mine, uint winner, string labels);

    [LoggerMessage(2, LogLevel.Warning, "Identity {Identity} is marked as unused and the mark cannot be removed: {Reason}")]
    private static partial void LogUnmarkFailed(ILogger logger, uint identity, string reason);
}
