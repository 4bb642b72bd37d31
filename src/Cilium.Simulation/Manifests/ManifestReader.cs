using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;
using Cilium.Simulation.Clusters;

namespace Cilium.Simulation.Manifests;

/// <summary>
/// Reads manifests into the objects of a cluster, by the decoders that the agent uses. Workloads become their pods. Kinds that say nothing of
/// networking are counted and passed over.
/// </summary>
/// <param name="labelFilter">Which labels make identities: policies that select by others are warned of.</param>
/// <param name="nodes">How many pods a DaemonSet has.</param>
public sealed class ManifestReader(LabelFilter labelFilter, int nodes)
{
    private const string DefaultNamespace = "default";
    private readonly PolicyDecoder _policies = new(labelFilter);
    private readonly Dictionary<NamespacedName, List<NamespacedName>> _workloads = [];
    private readonly HashSet<string> _seen = [];

    /// <summary>What was read.</summary>
    public ClusterObjects Objects { get; } = new();

    /// <summary>Policies that are not enforced, or whose author may expect something else, with the file they came from.</summary>
    public List<(string File, DecodedPolicy Policy)> PolicyIssues { get; } = [];

    /// <summary>Objects passed over, by kind.</summary>
    public SortedDictionary<string, int> PassedOver { get; } = [];

    /// <summary>The pods of each Deployment, ReplicaSet, StatefulSet and DaemonSet.</summary>
    public IReadOnlyDictionary<NamespacedName, List<NamespacedName>> Workloads => _workloads;

    /// <summary>Reads a file.</summary>
    /// <param name="file">Its name, for messages.</param>
    /// <param name="text">What it holds: YAML of any number of documents, or JSON.</param>
    /// <exception cref="ManifestException">An object cannot be read.</exception>
    public void Read(string file, string text)
    {
        foreach (var (number, root) in YamlDocuments.Read(file, text))
            Take(new Place(file, number), root);
    }

    private readonly record struct Place(string File, int Document)
    {
        internal ManifestException Broken(string field, string reason) => new(File, Document, field, reason);
    }

    private void Take(Place place, JsonNode root)
    {
        if (root is not JsonObject manifest)
            throw place.Broken("", "the document is no object");
        if (TextOf(manifest["kind"]) is not { Length: > 0 } kind)
            throw place.Broken("kind", "is missing");
        if (kind == "List" || (manifest["items"] is JsonArray && kind.EndsWith("List", StringComparison.Ordinal)))
        {
            foreach (var item in manifest["items"] as JsonArray ?? throw place.Broken("items", "is no list"))
                Take(place, item ?? throw place.Broken("items", "holds nothing"));
            return;
        }
        if (TextOf(manifest["apiVersion"]) is not { Length: > 0 } version)
            throw place.Broken("apiVersion", "is missing");
        switch (version.Split('/')[0], kind)
        {
            case ("v1", "Namespace"):
                Objects.Namespaces.Add(Decode(place, manifest, isNamespaced: false, CoreDecoders.Namespace));
                break;
            case ("v1", "Pod"):
                Objects.Pods.Add(Decode(place, manifest, isNamespaced: true, CoreDecoders.Pod));
                break;
            case ("v1", "Service"):
                Objects.Services.Add(Decode(place, manifest, isNamespaced: true, ServiceDecoders.Service));
                break;
            case ("discovery.k8s.io", "EndpointSlice"):
                Objects.EndpointSlices.Add(Decode(place, manifest, isNamespaced: true, ServiceDecoders.EndpointSlice));
                break;
            case ("apps", "Deployment" or "ReplicaSet" or "StatefulSet" or "DaemonSet"):
                TakeWorkload(place, kind, manifest);
                break;
            case ("networking.k8s.io", "NetworkPolicy"):
                TakePolicy(place, PolicyObjectKind.NetworkPolicy, manifest);
                break;
            case ("cilium.io", "CiliumNetworkPolicy"):
                TakePolicy(place, PolicyObjectKind.CiliumNetworkPolicy, manifest);
                break;
            case ("cilium.io", "CiliumClusterwideNetworkPolicy"):
                TakePolicy(place, PolicyObjectKind.CiliumClusterwideNetworkPolicy, manifest);
                break;
            default:
                PassedOver[kind] = PassedOver.GetValueOrDefault(kind) + 1;
                break;
        }
    }

    private void TakePolicy(Place place, PolicyObjectKind kind, JsonObject manifest)
    {
        var row = Decode(place, manifest, kind != PolicyObjectKind.CiliumClusterwideNetworkPolicy, PolicyObjectDecoder.For(kind));
        using var document = JsonDocument.Parse(row.Json.AsSpan().ToArray());
        var decoded = kind switch
        {
            PolicyObjectKind.NetworkPolicy => _policies.DecodeNetworkPolicy(document.RootElement),
            PolicyObjectKind.CiliumNetworkPolicy => _policies.DecodeCiliumNetworkPolicy(document.RootElement),
            _ => _policies.DecodeCiliumClusterwideNetworkPolicy(document.RootElement),
        };
        // A field that is wrong is the manifest's fault; a feature that does not exist is reported beside the answer.
        if (decoded.Errors.FirstOrDefault(issue => !issue.IsUnsupported) is { } error)
            throw place.Broken(error.Path, error.Message);
        if (decoded.Errors.Count > 0 || decoded.Warnings.Count > 0)
            PolicyIssues.Add((place.File, decoded));
        Objects.Policies.Add(row);
    }

    private void TakeWorkload(Place place, string kind, JsonObject manifest)
    {
        var (name, inNamespace) = Identify(place, manifest, isNamespaced: true);
        if (manifest["spec"]?["template"] is not JsonObject template)
            throw place.Broken("spec.template", "is missing");
        var replicas = kind == "DaemonSet" ? nodes : manifest["spec"]!["replicas"] is { } written
            ? TryInteger(written) ?? throw place.Broken("spec.replicas", "is no number")
            : 1;
        if (replicas is < 0 or > 1000)
            throw place.Broken("spec.replicas", $"{replicas} pods are not simulated; at most 1000 are");
        var pods = new List<NamespacedName>();
        for (var i = 0; i < replicas; i++)
        {
            var pod = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["metadata"] = template["metadata"]?.DeepClone() ?? new JsonObject(),
                ["spec"] = template["spec"]?.DeepClone() ?? throw place.Broken("spec.template.spec", "is missing"),
            };
            pod["metadata"]!["name"] = $"{name}-{i}";
            pod["metadata"]!["namespace"] = inNamespace;
            var row = Decode(place, pod, isNamespaced: true, CoreDecoders.Pod) with { WorkloadKind = kind, WorkloadName = name };
            Objects.Pods.Add(row);
            pods.Add(row.Key);
        }
        _workloads[new NamespacedName(inNamespace, name)] = pods;
    }

    private TRow Decode<TRow>(Place place, JsonObject manifest, bool isNamespaced, RowDecoder<TRow> decode)
        where TRow : class
    {
        var (name, inNamespace) = Identify(place, manifest, isNamespaced);
        var key = $"{TextOf(manifest["kind"])} {inNamespace}/{name}";
        if (!_seen.Add(key))
            throw place.Broken("metadata.name", $"there is another {key}");
        try
        {
            return decode(Encoding.UTF8.GetBytes(manifest.ToJsonString())) ?? throw place.Broken("metadata", "is not complete");
        }
        catch (JsonException broken)
        {
            var path = broken.Path?.Replace("$.", "", StringComparison.Ordinal) ?? "";
            throw place.Broken(path + (broken as MemberException)?.Member, "has a value of another type than it must have");
        }
    }

    private static (string Name, string Namespace) Identify(Place place, JsonObject manifest, bool isNamespaced)
    {
        if (manifest["metadata"] is not JsonObject metadata || TextOf(metadata["name"]) is not { Length: > 0 } name)
            throw place.Broken("metadata.name", "is missing");
        if (!isNamespaced)
            return (name, "");
        if (metadata["namespace"] is not { } written)
            metadata["namespace"] = DefaultNamespace;
        else if (TextOf(written) is not { Length: > 0 })
            throw place.Broken("metadata.namespace", "is no text");
        return (name, TextOf(metadata["namespace"])!);
    }

    private static string? TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static int? TryInteger(JsonNode node) => node is JsonValue value && value.TryGetValue<long>(out var number) && number is >= int.MinValue and <= int.MaxValue ? (int)number : null;
}
