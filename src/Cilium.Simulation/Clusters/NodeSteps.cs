namespace Cilium.Simulation.Clusters;

/// <summary>Steps that all nodes take.</summary>
internal static class NodeSteps
{
    /// <summary>Has every node take a step, as many at a time as there are processors: what each first takes in is large and short-lived.</summary>
    internal static Task FewAtATimeAsync(this IReadOnlyList<SimulatedNode> nodes, Func<SimulatedNode, CancellationToken, Task> step, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(
            nodes,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken },
            async (node, token) => await step(node, token).ConfigureAwait(false));
}
