using Cilium.Kubernetes;
using Cilium.Simulation.Clusters;

namespace Cilium.Simulation.Scale;

/// <summary>Chooses connections by chance, of each kind as many, tries them and compares.</summary>
/// <param name="cluster">The cluster, settled.</param>
/// <param name="policies">Who may reach whom, as written.</param>
/// <param name="random">Chance.</param>
internal sealed class ConnectionSample(SimulatedCluster cluster, NaivePolicies policies, Random random)
{
    private const int Attempts = 50;
    private readonly List<SimulatedPod> _pods = [.. cluster.Pods.Values];
    private readonly Dictionary<SimulatedNode, List<SimulatedPod>> _byNode = cluster.Pods.Values.GroupBy(pod => pod.Node).ToDictionary(group => group.Key, group => group.ToList());
    private readonly ConnectionTrial _trial = new(cluster, policies);

    internal ScaleFlows Try(int count, bool hasIPv6, TimeProvider time)
    {
        var begin = time.GetTimestamp();
        var kinds = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var ends = new int[4];
        var differences = new List<ScaleDifference>();
        for (var i = 0; i < count; i++)
        {
            var isIPv4 = !hasIPv6 || random.Next(2) == 0;
            var (kind, from, to, service, port) = Choose(i % 4);
            kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
            var (expected, found) = service is null ? _trial.ToPod(from, to!, port, isIPv4) : _trial.ToService(from, service, port, isIPv4);
            ends[(int)found]++;
            if (expected != found)
                differences.Add(new ScaleDifference(NameOf(from), service is null ? NameOf(to!) : $"service {service.Key}", port, TextOf(expected), TextOf(found)));
        }
        return new ScaleFlows(
            count,
            ends[(int)ConnectionEnd.Established],
            ends[(int)ConnectionEnd.Denied],
            ends[(int)ConnectionEnd.Refused],
            time.GetElapsedTime(begin).TotalSeconds,
            kinds,
            differences);
    }

    private static string NameOf(SimulatedPod pod) => $"{pod} on {pod.Node.Name}";

    private static string TextOf(ConnectionEnd end) => end switch
    {
        ConnectionEnd.Established => "established",
        ConnectionEnd.Denied => "denied",
        ConnectionEnd.Refused => "refused",
        _ => "astray",
    };

    private (string Kind, SimulatedPod From, SimulatedPod? To, ServiceRow? Service, ushort Port) Choose(int kind)
    {
        var from = Any(_pods);
        var port = random.Next(2) == 0 ? ScaleObjects.Served : ScaleObjects.Metrics;
        switch (kind)
        {
            case 0 when _byNode[from.Node].Count > 1:
                return ("pod to pod of the same node", from, Another(from, _byNode[from.Node]), null, port);
            case 1 when cluster.Services.Count > 0:
                return ("pod to service", from, null, cluster.Services[random.Next(cluster.Services.Count)], ScaleObjects.Service);
            case 2:
                // One that a policy denies, when chance finds one.
                for (var i = 0; i < Attempts; i++)
                {
                    var (a, b) = (Any(_pods), Another(from, _pods));
                    if (!ReferenceEquals(a, b) && !policies.Allows(a.Row, b.Row, port))
                        return ("denied by policy", a, b, null, port);
                }
                break;
        }
        for (var i = 0; i < Attempts && _byNode.Count > 1; i++)
        {
            var to = Another(from, _pods);
            if (!ReferenceEquals(to.Node, from.Node))
                return ("pod to pod of another node", from, to, null, port);
        }
        return ("pod to any pod", from, Another(from, _pods), null, port);
    }

    private SimulatedPod Any(List<SimulatedPod> pods) => pods[random.Next(pods.Count)];

    private SimulatedPod Another(SimulatedPod than, List<SimulatedPod> pods)
    {
        var index = random.Next(pods.Count - 1);
        return ReferenceEquals(pods[index], than) ? pods[^1] : pods[index];
    }
}
