using System.Globalization;
using System.Text.Json;
using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;
using Microsoft.Extensions.Logging;

namespace Cilium.Kubernetes;

/// <summary>Lets one of several candidates lead, by a lease that the leader renews and the others watch expire.</summary>
/// <remarks>
/// Expiry is judged by our own clock from the moment we saw the lease change, so that clocks need not agree. Source: the algorithm of
/// Kubernetes' client-go, package leaderelection.
/// </remarks>
public sealed partial class LeaderElector
{
    private readonly KubernetesObjects _objects;
    private readonly LeaderElectionOptions _options;
    private readonly Random _random;
    private readonly ILogger _logger;
    private readonly NamespacedName _key;
    private string _seenVersion = "";
    private long _seenAt;
    private volatile bool _isLeader;
    private volatile string _holder = "";

    /// <summary>Makes a candidate.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public LeaderElector(KubernetesConnection connection, LeaderElectionOptions options, Random random, ILogger<LeaderElector> logger)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _objects = new KubernetesObjects(connection);
        _options = options;
        _random = random;
        _logger = logger;
        _key = new NamespacedName(options.LeaseNamespace, options.LeaseName);
    }

    /// <summary>True while we lead.</summary>
    public bool IsLeader => _isLeader;

    /// <summary>Who held the lease when we last looked; empty when nobody did.</summary>
    public string Holder => _holder;

    /// <summary>Waits for the lease, leads, and when the lease is lost stops leading and waits again. Gives the lease back when cancelled.</summary>
    /// <param name="lead">The work; its token is cancelled when the lease is lost. When it ends by itself the candidacy ends too.</param>
    /// <param name="cancellationToken">Ends the candidacy.</param>
    public async Task RunAsync(Func<CancellationToken, Task> lead, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(lead);
        LogCandidate(_logger, _options.Candidate, _key.ToString());
        try
        {
            while (true)
            {
                await AcquireAsync(cancellationToken);
                LogLeading(_logger, _options.Candidate);
                if (await LeadAsync(lead, cancellationToken))
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Asked to stop.
        }
        finally
        {
            if (_isLeader)
            {
                await ReleaseAsync();
            }
        }
    }

    private async Task AcquireAsync(CancellationToken cancellationToken)
    {
        while (!await TryHoldAsync(_options.RenewDeadline, cancellationToken))
        {
            var wait = _options.RetryPeriod * (1 + (_random.NextDouble() * 0.2));
            await Task.Delay(wait, _objects.Time, cancellationToken);
        }

        _isLeader = true;
    }

    /// <returns>True when the work ended by itself, false when the lease was lost.</returns>
    private async Task<bool> LeadAsync(Func<CancellationToken, Task> lead, CancellationToken cancellationToken)
    {
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var work = lead(leading.Token);
        try
        {
            var renewedAt = _objects.Time.GetTimestamp();
            while (true)
            {
                await Task.WhenAny(work, Task.Delay(_options.RetryPeriod, _objects.Time, leading.Token));
                cancellationToken.ThrowIfCancellationRequested();
                if (work.IsCompleted)
                {
                    await work;
                    return true;
                }

                var left = _options.RenewDeadline - _objects.Time.GetElapsedTime(renewedAt);
                if (left > TimeSpan.Zero && await TryHoldAsync(left, cancellationToken))
                {
                    renewedAt = _objects.Time.GetTimestamp();
                }
                else if (_holder != _options.Candidate || _objects.Time.GetElapsedTime(renewedAt) >= _options.RenewDeadline)
                {
                    _isLeader = false;
                    LogLost(_logger, _options.Candidate, _holder);
                    return false;
                }
            }
        }
        finally
        {
            // The lease is given back, or waited for again, only when the work has really stopped.
            await leading.CancelAsync();
            await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Takes or renews the lease; false when another holds it or the server does not answer in time.</summary>
    private async Task<bool> TryHoldAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(patience, _objects.Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await TryHoldCoreAsync(linked.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            LogFailed(_logger, _key.ToString(), "no answer in time");
            return false;
        }
        catch (Exception exception) when (exception is KubernetesException or HttpRequestException or IOException or TimeoutException or JsonException)
        {
            if (exception is not KubernetesException { Status: System.Net.HttpStatusCode.Conflict })
            {
                LogFailed(_logger, _key.ToString(), exception.Message);
            }

            return false;
        }
    }

    private async Task<bool> TryHoldCoreAsync(CancellationToken cancellationToken)
    {
        var now = _objects.Time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        var lease = await _objects.GetAsync(Resource.Leases, _key, WireJson.Default.LeaseWire, cancellationToken);
        if (lease is null)
        {
            var created = await _objects.CreateAsync(Resource.Leases, _key.Namespace, New(now, now, 0, null), WireJson.Default.LeaseWire, cancellationToken);
            See(created);
            return true;
        }

        See(lease);
        var holder = lease.Spec?.HolderIdentity ?? "";
        var isOurs = holder == _options.Candidate;
        var duration = TimeSpan.FromSeconds(lease.Spec?.LeaseDurationSeconds ?? 0);
        if (!isOurs && holder.Length > 0 && _objects.Time.GetElapsedTime(_seenAt) < duration)
        {
            return false;
        }

        var transitions = lease.Spec?.LeaseTransitions ?? 0;
        var wanted = New(isOurs ? lease.Spec?.AcquireTime ?? now : now, now, isOurs ? transitions : transitions + 1, lease.Metadata?.ResourceVersion);
        See(await _objects.UpdateAsync(Resource.Leases, _key, wanted, WireJson.Default.LeaseWire, cancellationToken));
        return true;
    }

    private void See(LeaseWire lease)
    {
        _holder = lease.Spec?.HolderIdentity ?? "";
        var version = lease.Metadata?.ResourceVersion ?? "";
        if (version != _seenVersion)
        {
            _seenVersion = version;
            _seenAt = _objects.Time.GetTimestamp();
        }
    }

    private async Task ReleaseAsync()
    {
        _isLeader = false;
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(2), _objects.Time);
        try
        {
            var lease = await _objects.GetAsync(Resource.Leases, _key, WireJson.Default.LeaseWire, timeout.Token);
            if (lease?.Spec?.HolderIdentity == _options.Candidate)
            {
                lease.Spec.HolderIdentity = "";
                lease.Spec.LeaseDurationSeconds = 1;
                await _objects.UpdateAsync(Resource.Leases, _key, lease, WireJson.Default.LeaseWire, timeout.Token);
            }
        }
        catch (Exception exception) when (exception is KubernetesException or HttpRequestException or IOException or TimeoutException or OperationCanceledException or JsonException)
        {
            // The others will see it expire.
            LogFailed(_logger, _key.ToString(), exception.Message);
        }
    }

    private LeaseWire New(string acquired, string renewed, int transitions, string? version) => new()
    {
        ApiVersion = Resource.Leases.ApiVersion,
        Kind = Resource.Leases.Kind,
        Metadata = new MetaWire { Name = _key.Name, Namespace = _key.Namespace, ResourceVersion = version },
        Spec = new LeaseSpecWire
        {
            HolderIdentity = _options.Candidate,
            LeaseDurationSeconds = (int)Math.Ceiling(_options.LeaseDuration.TotalSeconds),
            AcquireTime = acquired,
            RenewTime = renewed,
            LeaseTransitions = transitions,
        },
    };

    [LoggerMessage(1, LogLevel.Information, "Candidate {Candidate} waits for lease {Lease}")]
    private static partial void LogCandidate(ILogger logger, string candidate, string lease);

    [LoggerMessage(2, LogLevel.Information, "Candidate {Candidate} leads")]
    private static partial void LogLeading(ILogger logger, string candidate);

    [LoggerMessage(3, LogLevel.Warning, "Candidate {Candidate} lost the lease; its holder is '{Holder}'")]
    private static partial void LogLost(ILogger logger, string candidate, string holder);

    [LoggerMessage(4, LogLevel.Warning, "Lease {Lease}: {Reason}")]
    private static partial void LogFailed(ILogger logger, string lease, string reason);
}
