using Cilium.Core;
using Cilium.Simulation.Clusters;

namespace Cilium.Simulation.Explaining;

/// <summary>Asks about every pair of pods.</summary>
public static class ReachabilityMatrix
{
    /// <summary>
    /// Asks each pod about each other one, on one port, or on every port that the other one's containers declare and that services lead to.
    /// </summary>
    /// <param name="explainer">The cluster.</param>
    /// <param name="port">The port, and 0 for ICMP; null for the declared ones.</param>
    /// <param name="protocol">The protocol, when a port is given.</param>
    public static IEnumerable<Walk> Of(PathExplainer explainer, ushort? port, L4Protocol protocol)
    {
        ArgumentNullException.ThrowIfNull(explainer);
        var pods = explainer.Cluster.Pods.Values.OrderBy(pod => pod.ToString(), StringComparer.Ordinal).ToList();
        foreach (var to in pods)
        {
            var ports = port is { } given ? [(protocol, given)] : Declared(explainer.Cluster, to);
            foreach (var (asked, number) in ports)
            {
                foreach (var from in pods.Where(from => !ReferenceEquals(from, to)))
                    yield return explainer.Explain(new Question(from.Row.Key, to.ToString(), number, asked), isDetailed: false);
            }
        }
    }

    private static List<(L4Protocol Protocol, ushort Port)> Declared(SimulatedCluster cluster, SimulatedPod pod) =>
    [
        .. pod.Row.Ports.Select(port => (port.Protocol, port.Port))
            .Concat(cluster.Services
                .SelectMany(service => ServiceSlices.Of(service, [pod.Row]))
                .SelectMany(slice => slice.Ports.Select(port => (port.Protocol, port.Port))))
            .Distinct().Order(),
    ];
}
