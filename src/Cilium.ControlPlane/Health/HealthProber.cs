using System.Collections.Immutable;
using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Configuration;
using Cilium.Core;

namespace Cilium.ControlPlane.Health;

/// <summary>Probes every node of the cluster, this one included, and tells who answered.</summary>
/// <remarks>
/// A round asks all of them; in between those are asked that are new, have other addresses, or did not answer. Its results may be read from any thread.
/// </remarks>
internal sealed class HealthProber(AgentTables tables, AgentOptions options, AgentReadiness readiness, IHealthProbe probe, TimeProvider time) : IAgentLoop, IDisposable
{
    private const int Parallel = 16;
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_askAgain = TimeSpan.FromSeconds(15);
    private readonly SemaphoreSlim _oneRound = new(1);
    private ImmutableSortedDictionary<string, (HealthTarget Target, NodeHealth Health)> _results =
        ImmutableSortedDictionary.Create<string, (HealthTarget, NodeHealth)>(StringComparer.Ordinal);

    private DateTimeOffset? _roundEnded;

    public string Name => "cilium-health-probe";

    private IReadOnlyCollection<HealthTarget> Targets =>
    [
        .. tables.Kubernetes.CiliumNodes.Snapshot().Values.Select(node => HealthTarget.Of(
            node, options.Datapath.EnableIPv4, options.Datapath.EnableIPv6, options.EnableEndpointHealthChecking)),
    ];

    /// <summary>What the last probes found.</summary>
    public HealthStatusResponse Report()
    {
        var results = Volatile.Read(ref _results);
        return new HealthStatusResponse
        {
            Local = new HealthSelf { Name = $"{options.ClusterName}/{options.NodeName}" },
            Nodes = [.. results.Values.Select(result => result.Health)],
            Timestamp = _roundEnded is { } ended ? HealthModels.TimeText(ended) : "",
            ProbeInterval = GoDuration.Format(HealthModels.IntervalFor(results.Count)),
        };
    }

    /// <summary>Probes all nodes now.</summary>
    public Task ProbeAllAsync(CancellationToken cancellationToken) => ProbeAsync(_ => true, isRound: true, cancellationToken);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await readiness.WaitReadyAsync(cancellationToken).ConfigureAwait(false);
        using var nodes = tables.Kubernetes.CiliumNodes.Subscribe();
        var wakeup = new Wakeup(time, nodes.WaitAsync);
        while (true)
        {
            // A node's object changes several times while it starts, and often with its pods: what of it is probed hardly ever does. The health
            // endpoint comes up a little later than its addresses are told.
            await Task.Delay(s_settle, time, cancellationToken).ConfigureAwait(false);
            nodes.Drain();
            var isRound = _roundEnded is not { } ended || time.GetUtcNow() - ended >= HealthModels.IntervalFor(_results.Count);
            await ProbeAsync(isRound ? _ => true : IsWorthAsking, isRound, cancellationToken).ConfigureAwait(false);
            await wakeup.WaitAsync(UntilNext(), cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _oneRound.Dispose();

    private bool IsWorthAsking(HealthTarget target) => !_results.TryGetValue(target.Name, out var last) || last.Target != target
        || (!last.Health.IsReachable && time.GetUtcNow() - LastProbed(last.Health) >= s_askAgain);

    private static DateTimeOffset LastProbed(NodeHealth health) =>
        DateTimeOffset.TryParse(health.Host?.PrimaryAddress?.Icmp?.LastProbed, System.Globalization.CultureInfo.InvariantCulture, out var last) ? last : default;

    private TimeSpan UntilNext()
    {
        var untilRound = HealthModels.IntervalFor(_results.Count) - (time.GetUtcNow() - _roundEnded!.Value);
        var next = _results.Values.All(result => result.Health.IsReachable) || untilRound < s_askAgain ? untilRound : s_askAgain;
        return next > TimeSpan.Zero ? next : TimeSpan.Zero;
    }

    private async Task ProbeAsync(Func<HealthTarget, bool> isWorthAsking, bool isRound, CancellationToken cancellationToken)
    {
        await _oneRound.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var targets = Targets;
            await System.Threading.Tasks.Parallel.ForEachAsync(
                targets.Where(isWorthAsking),
                new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken },
                async (target, token) =>
                {
                    var health = await ProbeAsync(target, token).ConfigureAwait(false);
                    ImmutableInterlocked.Update(ref _results, results => results.SetItem(target.Name, (target, health)));
                }).ConfigureAwait(false);
            var present = targets.Select(target => target.Name).ToHashSet();
            ImmutableInterlocked.Update(ref _results, results => results.RemoveRange(results.Keys.Where(name => !present.Contains(name))));
            if (isRound)
            {
                _roundEnded = time.GetUtcNow();
            }
        }
        finally
        {
            _oneRound.Release();
        }
    }

    private async Task<NodeHealth> ProbeAsync(HealthTarget target, CancellationToken cancellationToken) => new()
    {
        Name = $"{options.ClusterName}/{target.Name}",
        Host = await PathsAsync(target.Host, cancellationToken).ConfigureAwait(false),
        HealthEndpoint = target.Endpoint.Count > 0 ? await PathsAsync(target.Endpoint, cancellationToken).ConfigureAwait(false) : null,
    };

    private async Task<HealthPaths> PathsAsync(EquatableArray<IpAddr> addresses, CancellationToken cancellationToken)
    {
        var paths = await Task.WhenAll(addresses.Select(address => PathAsync(address, cancellationToken))).ConfigureAwait(false);
        return new HealthPaths { PrimaryAddress = paths.FirstOrDefault(), SecondaryAddresses = paths.Length > 1 ? paths[1..] : null };
    }

    private async Task<PathHealth> PathAsync(IpAddr address, CancellationToken cancellationToken)
    {
        var icmp = TimeAsync(probe.EchoAsync, address, cancellationToken);
        var http = TimeAsync(probe.HelloAsync, address, cancellationToken);
        return new PathHealth { Ip = address.ToString(), Icmp = await icmp.ConfigureAwait(false), Http = await http.ConfigureAwait(false) };
    }

    private async Task<ProbeResult> TimeAsync(Func<IpAddr, CancellationToken, Task<string?>> ask, IpAddr address, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        var failure = await ask(address, cancellationToken).ConfigureAwait(false);
        return new ProbeResult
        {
            Latency = failure is null ? (long)time.GetElapsedTime(began).TotalNanoseconds : 0,
            Status = failure ?? "",
            LastProbed = HealthModels.TimeText(time.GetUtcNow()),
        };
    }
}
