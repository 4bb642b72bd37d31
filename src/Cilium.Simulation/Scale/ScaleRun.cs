using System.Diagnostics;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Simulation.Clusters;
using Cilium.Simulation.Serving;

namespace Cilium.Simulation.Scale;

/// <summary>Simulates a cluster of some size: brings it up, changes it, tries connections, and measures.</summary>
public static class ScaleRun
{
    /// <summary>Runs from the beginning to the report.</summary>
    /// <param name="options">How large, and what is asked.</param>
    /// <param name="time">The clock of this machine, for what is measured.</param>
    /// <param name="progress">Hears what has been done, for a person that waits.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ArgumentException">More pods than the nodes have addresses for, or nothing to simulate.</exception>
    public static async Task<ScaleReport> RunAsync(ScaleOptions options, TimeProvider time, Action<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        if (options.Nodes < 1 || options.Pods < 2 || options.Services < 0 || options.Policies < 0 || options.Flows < 0)
            throw new ArgumentException("there must be a node and two pods, and nothing can be negative");
        if (options is { HasFaults: true, HasApiServer: false })
            throw new ArgumentException("without an API server there is nothing that could fail");
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var source = new ScaleObjects(options);

        // 1. Up.
        var begin = time.GetTimestamp();
        var cluster = await SimulatedCluster.StartAsync(source.Make(), options.ToSimulation(), _ => [], null, cancellationToken).ConfigureAwait(false);
        await using var _ = cluster.ConfigureAwait(false);
        var run = new Steps(cluster, time, progress);
        run.Add("all nodes hold all rows", begin, TimeSpan.Zero, 0, 0);

        // 2. Changes.
        var added = source.Pod(options.Pods);
        await run.DoAsync("a pod created", token => cluster.AddAsync(added, token), cancellationToken).ConfigureAwait(false);
        await run.DoAsync("a policy applied", token => cluster.ApplyAsync(source.Policy(options.Policies), token), cancellationToken).ConfigureAwait(false);
        var gone = cluster.Pods.Values.FirstOrDefault(pod => cluster.Services.Any(service => ServiceSlices.Selects(service, pod.Row))) ?? cluster.Pods.Values.First();
        await run.DoAsync("a backend gone", token => cluster.RemoveAsync(gone.Row.Key, token), cancellationToken).ConfigureAwait(false);

        // 3. Memory as it is when nothing moves; 4. connections.
        var managed = (GC.GetTotalMemory(forceFullCollection: true) - before) / options.Nodes;
        var usage = cluster.Nodes.Select(node => node.Virtual.Engine.MapUsage()).ToList();
        var reference = new NaivePolicies(cluster.Kubernetes.Policies.Snapshot().Values, cluster.Kubernetes.Namespaces.Snapshot().Values.ToDictionary(row => row.Name, row => row.Labels));
        var flows = new ConnectionSample(cluster, reference, new Random(options.Seed)).Try(options.Flows, options.HasIPv6, time);
        progress($"{flows.Tried} connections tried, {flows.Differences.Count} otherwise than the reference says");
        var api = cluster.Served is null ? null : await ScaleApi.OfAsync(cluster, cancellationToken).ConfigureAwait(false);
        using var process = Process.GetCurrentProcess();
        var grown = usage.Sum(maps => maps.Where(map => !IsReserved(map)).Sum(map => map.Bytes)) / options.Nodes;
        return new ScaleReport(options, run.All, MapsOf(usage), new ScaleMemory(managed, grown, process.WorkingSet64, process.PeakWorkingSet64), flows, EndState.Of(cluster), api);
    }

    private static bool IsReserved(InProcessMapUsage map) => map.Shape.Type is MapType.Array or MapType.PerCpuArray or MapType.RingBuffer;

    private static List<ScaleMap> MapsOf(List<IReadOnlyList<InProcessMapUsage>> nodes)
    {
        // Sections of variables are objects' own; what is left is what every node has by name.
        var names = nodes[0].Where(map => !map.Name.Contains('.', StringComparison.Ordinal)).Select(map => map.Name).Distinct().Order(StringComparer.Ordinal);
        return
        [
            .. names.Select(name => new ScaleMap(
                name,
                nodes[0].First(map => map.Name == name).Shape.Type.ToString(),
                nodes[0].First(map => map.Name == name).Shape.MaxEntries,
                ScaleSpread.Of(nodes.Select(maps => maps.Where(map => map.Name == name).Sum(map => map.Entries))),
                ScaleSpread.Of(nodes.Select(maps => maps.Where(map => map.Name == name).Sum(map => map.Bytes))))),
        ];
    }

    private sealed class Steps(SimulatedCluster cluster, TimeProvider time, Action<string> progress)
    {
        internal List<ScaleStep> All { get; } = [];

        internal async Task DoAsync(string name, Func<CancellationToken, Task> change, CancellationToken cancellationToken)
        {
            var (begin, clock, writes, events) = (time.GetTimestamp(), cluster.Clock.Elapsed, Traffic?.Writes ?? 0, Traffic?.Events ?? 0);
            await change(cancellationToken).ConfigureAwait(false);
            await cluster.SettleAsync(cancellationToken).ConfigureAwait(false);
            Add(name, begin, clock, writes, events);
        }

        private ApiTraffic? Traffic => cluster.Served?.Traffic;

        internal void Add(string name, long begin, TimeSpan clock, long writes, long events)
        {
            var wall = time.GetElapsedTime(begin).TotalSeconds;
            var step = new ScaleStep(name, wall, (cluster.Clock.Elapsed - clock).TotalSeconds, new RowCheck(cluster).Missing(), (Traffic?.Writes ?? 0) - writes, (Traffic?.Events ?? 0) - events);
            All.Add(step);
            progress($"{name} after {wall:F2} s");
        }
    }
}
