using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Simulation.Clusters;

namespace Cilium.Simulation.Explaining;

/// <summary>Finds whom a name means.</summary>
internal sealed class Destination(SimulatedCluster cluster, IReadOnlyDictionary<NamespacedName, List<NamespacedName>> workloads)
{
    private const string ServicePrefix = "svc/";

    /// <summary>The pod of a name: its own, or its workload's, whose first pod is meant.</summary>
    /// <exception cref="QuestionException">There is none.</exception>
    internal SimulatedPod Pod(NamespacedName name)
    {
        if (cluster.Pods.TryGetValue(name, out var pod))
            return pod;
        if (workloads.TryGetValue(name, out var pods))
            return pods.Count > 0 && cluster.Pods.TryGetValue(pods[0], out pod) ? pod : throw new QuestionException($"{name} has no pod with a network of its own");
        throw new QuestionException($"there is no pod or workload {name} with a network of its own");
    }

    /// <summary>The address that a text means: <c>ns/pod</c>, <c>pod</c> of the asking namespace, an address, <c>svc/name</c> or <c>svc/ns/name</c>.</summary>
    /// <exception cref="QuestionException">It means nobody.</exception>
    internal IpAddr Address(string text, string fromNamespace)
    {
        if (IpAddr.TryParse(text, out var address))
            return address;
        if (!text.StartsWith(ServicePrefix, StringComparison.Ordinal))
            return Pod(NameOf(text, fromNamespace)).Row.PodIPs[0];
        var name = NameOf(text[ServicePrefix.Length..], fromNamespace);
        var service = cluster.Services.FirstOrDefault(row => row.Key == name) ?? throw new QuestionException($"there is no service {name}");
        return service.ClusterIPs.Count > 0
            ? service.ClusterIPs[0]
            : throw new QuestionException($"service {name} has no address of its own ({(service.IsHeadless ? "headless" : service.Type)}); ask for one of its pods");
    }

    /// <summary>Reads <c>namespace/name</c>, or a name of the given namespace.</summary>
    /// <exception cref="QuestionException">The text is neither.</exception>
    internal static NamespacedName NameOf(string text, string inNamespace) => (text ?? throw new ArgumentNullException(nameof(text))).Split('/') switch
    {
        [{ Length: > 0 } name] => new NamespacedName(inNamespace, name),
        [{ Length: > 0 } space, { Length: > 0 } name] => new NamespacedName(space, name),
        _ => throw new QuestionException($"'{text}' is no namespace/name, no address and no svc/name"),
    };
}
