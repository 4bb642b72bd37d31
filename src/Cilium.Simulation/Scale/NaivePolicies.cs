using System.Text.Json;
using Cilium.Kubernetes;

namespace Cilium.Simulation.Scale;

/// <summary>
/// Says who may reach whom by reading all policies as they are written, one after the other, for every question: no identities, no selectors kept, no
/// compiled entries. It knows the fields that <see cref="ScaleObjects"/> writes, and refuses others.
/// </summary>
/// <param name="policies">The policies.</param>
/// <param name="namespaces">The labels of each namespace.</param>
internal sealed class NaivePolicies(IEnumerable<PolicyObjectRow> policies, IReadOnlyDictionary<string, StringMap> namespaces)
{
    private const string PodNamespace = "io.kubernetes.pod.namespace";
    private readonly List<(PolicyObjectKey Key, JsonElement Spec)> _policies =
        [.. policies.Select(row => (row.Key, JsonDocument.Parse(row.Json.AsSpan().ToArray()).RootElement.GetProperty("spec")))];

    /// <summary>Whether a connection to a TCP port of a pod may be made.</summary>
    internal bool Allows(PodRow from, PodRow to, ushort port) => Passes(from, to, port, isIngress: false) && Passes(to, from, port, isIngress: true);

    /// <summary>One end's word: denied by any rule, else allowed by any, else allowed when no policy is about this direction.</summary>
    private bool Passes(PodRow subject, PodRow peer, ushort port, bool isIngress)
    {
        var (isEnforced, isAllowed) = (false, false);
        foreach (var (key, spec) in _policies)
        {
            if (!IsAbout(key, spec, subject))
                continue;
            var (section, denied) = isIngress ? ("ingress", "ingressDeny") : ("egress", "egressDeny");
            if (key.Kind == PolicyObjectKind.NetworkPolicy)
            {
                isEnforced |= TypesOf(spec).Contains(isIngress ? "Ingress" : "Egress");
                isAllowed |= Rules(spec, section).Any(rule => Matches(key, rule, isIngress ? "from" : "to", peer) && HasPort(rule, port));
                continue;
            }
            isEnforced |= Rules(spec, section).Concat(Rules(spec, denied)).Any();
            var peers = isIngress ? "fromEndpoints" : "toEndpoints";
            if (Rules(spec, denied).Any(rule => Matches(key, rule, peers, peer) && HasCiliumPort(rule, port)))
                return false;
            isAllowed |= Rules(spec, section).Any(rule => Matches(key, rule, peers, peer) && HasCiliumPort(rule, port));
        }
        return isAllowed || !isEnforced;
    }

    private static bool IsAbout(PolicyObjectKey key, JsonElement spec, PodRow pod) =>
        (key.Kind == PolicyObjectKind.CiliumClusterwideNetworkPolicy || key.Namespace == pod.Namespace)
        && Selects(spec.GetProperty(key.Kind == PolicyObjectKind.NetworkPolicy ? "podSelector" : "endpointSelector"), name => LabelOf(pod, name));

    private static IEnumerable<string?> TypesOf(JsonElement spec)
    {
        if (spec.TryGetProperty("policyTypes", out var types))
            return types.EnumerateArray().Select(type => type.GetString());
        return spec.TryGetProperty("egress", out _) ? ["Ingress", "Egress"] : ["Ingress"];
    }

    private static JsonElement.ArrayEnumerator Rules(JsonElement spec, string section) => spec.TryGetProperty(section, out var rules) ? rules.EnumerateArray() : default;

    private bool Matches(PolicyObjectKey key, JsonElement rule, string field, PodRow peer)
    {
        if (rule.TryGetProperty(field, out var peers))
            return peers.EnumerateArray().Any(selector => key.Kind == PolicyObjectKind.NetworkPolicy ? IsPeer(key, selector, peer) : IsCiliumPeer(key, selector, peer));
        // A rule of Cilium's that names nothing at all allows nobody.
        return key.Kind == PolicyObjectKind.NetworkPolicy || rule.TryGetProperty("toPorts", out _);
    }

    private bool IsPeer(PolicyObjectKey key, JsonElement written, PodRow peer)
    {
        var hasPods = written.TryGetProperty("podSelector", out var pods);
        var hasNamespaces = written.TryGetProperty("namespaceSelector", out var ns);
        if (!hasPods && !hasNamespaces)
            throw new NotSupportedException($"{key}: a peer without selectors");
        var isInNamespace = hasNamespaces ? Selects(ns, name => namespaces[peer.Namespace].ValueOrNull(name)) : peer.Namespace == key.Namespace;
        return isInNamespace && (!hasPods || Selects(pods, name => LabelOf(peer, name)));
    }

    private static bool IsCiliumPeer(PolicyObjectKey key, JsonElement selector, PodRow peer)
    {
        // A selector that does not name a namespace is about the policy's own.
        var namesNamespace = selector.TryGetProperty("matchLabels", out var labels) && labels.EnumerateObject().Any(label => Plain(label.Name) == PodNamespace);
        return (namesNamespace || key.Namespace.Length == 0 || key.Namespace == peer.Namespace) && Selects(selector, name => LabelOf(peer, name));
    }

    private static string? LabelOf(PodRow pod, string name) => Plain(name) == PodNamespace ? pod.Namespace : pod.Labels.ValueOrNull(Plain(name));

    private static string Plain(string label) => label.StartsWith("k8s:", StringComparison.Ordinal) ? label[4..] : label;

    private static bool Selects(JsonElement selector, Func<string, string?> labelOf)
    {
        foreach (var part in selector.EnumerateObject())
        {
            var holds = part.Name switch
            {
                "matchLabels" => part.Value.EnumerateObject().All(label => labelOf(label.Name) == label.Value.GetString()),
                "matchExpressions" => part.Value.EnumerateArray().All(expression => Holds(expression, labelOf)),
                _ => throw new NotSupportedException($"a selector with {part.Name}"),
            };
            if (!holds)
                return false;
        }
        return true;
    }

    private static bool Holds(JsonElement expression, Func<string, string?> labelOf)
    {
        var value = labelOf(expression.GetProperty("key").GetString()!);
        return expression.GetProperty("operator").GetString() switch
        {
            "In" => expression.GetProperty("values").EnumerateArray().Any(one => one.GetString() == value),
            "NotIn" => !expression.GetProperty("values").EnumerateArray().Any(one => one.GetString() == value),
            var other => throw new NotSupportedException($"the operator {other}"),
        };
    }

    private static bool HasPort(JsonElement rule, ushort port) =>
        !rule.TryGetProperty("ports", out var ports) || ports.EnumerateArray().Any(one => one.GetProperty("port").GetInt32() == port);

    private static bool HasCiliumPort(JsonElement rule, ushort port) =>
        !rule.TryGetProperty("toPorts", out var all)
        || all.EnumerateArray().SelectMany(ports => ports.GetProperty("ports").EnumerateArray()).Any(one => one.GetProperty("port").GetString() == port.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
