using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Policy;
using Cilium.Simulation.Clusters;
using Cilium.VirtualNetwork;

namespace Cilium.Simulation.Explaining;

/// <summary>Answers questions by sending a packet through the shipped programs of a simulated cluster.</summary>
public sealed class PathExplainer : IAsyncDisposable
{
    private const ushort FirstSctpPort = 40000;
    private readonly Destination _destinations;
    private readonly PacketTrial _trial;
    private ushort _sctpPort = FirstSctpPort;

    private PathExplainer(SimulatedCluster cluster, Dictionary<string, EventLog> events, IReadOnlyDictionary<NamespacedName, List<NamespacedName>> workloads)
    {
        Cluster = cluster;
        _destinations = new Destination(cluster, workloads);
        var names = new IdentityNames(LabelsOf);
        _trial = new PacketTrial(cluster.Fabric, names, new Decisions(names, new Subjects(cluster)), events, () => cluster.DrainEvents());
        cluster.World = _ => _trial.Leave("the world");
        foreach (var ns in cluster.Nodes.SelectMany(node => node.Virtual.Namespaces))
            _trial.Watch(ns);
    }

    /// <summary>The cluster.</summary>
    public SimulatedCluster Cluster { get; }

    /// <summary>Makes a cluster of objects to ask about.</summary>
    /// <param name="objects">The objects.</param>
    /// <param name="workloads">The pods of each workload, so that the workload's name means its first pod.</param>
    /// <param name="options">Nodes, families and so on. Every event must be told: <see cref="SimulationOptions.Small"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<PathExplainer> StartAsync(
        ClusterObjects objects, IReadOnlyDictionary<NamespacedName, List<NamespacedName>> workloads, SimulationOptions options, CancellationToken cancellationToken)
    {
        var events = new Dictionary<string, EventLog>();
        var cluster = await SimulatedCluster.StartAsync(objects, options, node => [events[node] = new EventLog()], null, cancellationToken).ConfigureAwait(false);
        return new PathExplainer(cluster, events, workloads);
    }

    /// <summary>Sends the first packet of a question, and tells its way.</summary>
    /// <param name="question">The question.</param>
    /// <param name="isDetailed">Whether lookups and decisions are told; without, it is much faster.</param>
    /// <exception cref="QuestionException">A name that nothing has, or a protocol without what it needs.</exception>
    public Walk Explain(Question question, bool isDetailed = true)
    {
        ArgumentNullException.ThrowIfNull(question);
        var from = _destinations.Pod(question.From);
        var to = _destinations.Address(question.To, question.From.Namespace);
        if (!from.Row.PodIPs.Any(own => own.IsIPv4 == to.IsIPv4))
            throw new QuestionException($"{from} has no address of the family of {to}");
        question.CheckPort();
        return _trial.Run(
            question.Asked(from.ToString()),
            isDetailed,
            () => FirstPacket.Send(from.Namespace, new Endpoint(to, question.Port), question.Protocol, _sctpPort++));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    private LabelSet? LabelsOf(Identity identity)
    {
        foreach (var node in Cluster.Nodes)
        {
            if (node.Policies.Identities.TryGet(identity, out var known))
                return known.Labels;
        }
        return null;
    }

    private sealed class Subjects(SimulatedCluster cluster) : IPolicySubjects
    {
        public string NameOf(string node, EndpointId endpoint) => PodOf(node, endpoint).ToString();

        public IReadOnlyList<RuleReference> RulesOf(string node, EndpointId endpoint, PolicyKey key)
        {
            var pod = PodOf(node, endpoint);
            return pod.Node.Policies.ExplainRules(pod.Subject, key);
        }

        public IReadOnlyList<RuleReference> EnforcingRulesOf(string node, EndpointId endpoint, TrafficDirection direction)
        {
            var pod = PodOf(node, endpoint);
            return pod.Node.Policies.EnforcingRules(pod.Subject, direction);
        }

        private SimulatedPod PodOf(string node, EndpointId endpoint) => cluster.Pods.Values.First(pod => pod.Node.Name == node && pod.Id == endpoint);
    }
}
