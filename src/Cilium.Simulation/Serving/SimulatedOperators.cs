using Cilium.ControlPlane.Operator;
using Cilium.Kubernetes;
using Cilium.Simulation.Clusters;
using Microsoft.Extensions.Logging;

namespace Cilium.Simulation.Serving;

/// <summary>Two operators of a simulated cluster, of which one leads.</summary>
internal sealed class SimulatedOperators : IAsyncDisposable
{
    private const string NamePrefix = "operator-";
    private readonly List<Candidate> _candidates = [];

    /// <param name="connect">Makes a way to the API server for a client of some name.</param>
    /// <param name="options">What the cluster is simulated with.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Makes loggers.</param>
    internal SimulatedOperators(Func<string, (ApiClient Client, KubernetesConnection Connection)> connect, SimulationOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        for (var i = 0; i < 2; i++)
        {
            var name = $"{NamePrefix}{i}";
            var (client, connection) = connect(name);
            _candidates.Add(new Candidate(client, connection, new CiliumOperator(connection, OptionsOf(options), name, time, new SharedRandom(options.Seed), loggers)));
        }
    }

    /// <summary>The one that leads; null while none does.</summary>
    internal CiliumOperator? Leader => _candidates.Find(candidate => !candidate.IsDead && candidate.Operator.IsLeader)?.Operator;

    /// <summary>Whether one leads, follows everything, and has nothing left to do.</summary>
    /// <exception cref="InvalidOperationException">One has failed.</exception>
    internal bool IsQuiet => _candidates.TrueForAll(candidate => candidate.IsWell) && Leader?.Tables is { } tables && tables.CiliumNodes.IsInitialized && tables.Services.IsInitialized && tables.Policies.IsInitialized
        && tables.LoadBalancerIPPools.IsInitialized && tables.Store.IsQuiet && _candidates.TrueForAll(candidate => candidate.Client.IsFollowing);

    /// <summary>How many have died.</summary>
    internal int Dead => _candidates.Count(candidate => candidate.IsDead);

    /// <summary>What each is doing, for a message.</summary>
    internal string Describe() => string.Join(", ", _candidates.Select(candidate =>
        $"one {(candidate.IsDead ? "is dead" : !candidate.Operator.IsLeader ? "waits" : candidate.Operator.Tables is not { } tables ? "prepares" : tables.Store.IsQuiet ? "leads" : "leads and is at work")}{(candidate.Client.IsFollowing ? "" : " without its watches")}"));

    /// <summary>Whether a client is an operator.</summary>
    internal static bool IsOperator(string client) => client.StartsWith(NamePrefix, StringComparison.Ordinal);

    /// <summary>Starts the operator that will lead, or the other.</summary>
    internal void Start(int number) => _candidates[number].Start();

    /// <summary>Has the leader die after some more writes: the last is done, but it does not hear of it, and the lease is not given back.</summary>
    internal void KillLeaderAfter(int writes)
    {
        var leader = _candidates.Find(candidate => candidate.Operator.IsLeader) ?? throw new InvalidOperationException("no operator leads");
        leader.Client.Cut = leader.Die;
        leader.Client.CutAfter(writes);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var candidate in _candidates)
            await candidate.DisposeAsync().ConfigureAwait(false);
    }

    private static OperatorOptions OptionsOf(SimulationOptions options) => new()
    {
        ClusterName = options.ClusterName,
        EnableIPv4 = options.Datapath.EnableIPv4,
        EnableIPv6 = options.Datapath.EnableIPv6,
        ClusterPoolIPv4Cidrs = [ClusterAddresses.Pods4],
        ClusterPoolIPv4MaskSize = ClusterAddresses.NodeLength4,
        ClusterPoolIPv6Cidrs = [ClusterAddresses.Pods6],
        ClusterPoolIPv6MaskSize = ClusterAddresses.NodeLength6,
    };

    private sealed class Candidate(ApiClient client, KubernetesConnection connection, CiliumOperator @operator) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private volatile bool _isDead;
        private Task _running = Task.CompletedTask;

        internal ApiClient Client => client;

        internal CiliumOperator Operator => @operator;

        internal bool IsDead => _isDead;

        internal bool IsWell => _isDead || !_running.IsFaulted ? true : throw new InvalidOperationException(
            $"an operator failed: {_running.Exception!.InnerException!.Message}", _running.Exception);

        internal void Start() => _running = Task.Run(() => @operator.ElectAsync(_stop.Token));

        internal void Die()
        {
            _isDead = true;
            // What it still does when it is cancelled must not run within the request that was its last.
            _ = Task.Run(_stop.Cancel);
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync().ConfigureAwait(false);
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            connection.Dispose();
            _stop.Dispose();
        }
    }
}
