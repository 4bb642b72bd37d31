using System.Text.Json;

namespace Cilium.Hosts.Cli;

/// <summary>A DaemonSet or Deployment of Cilium.</summary>
/// <param name="Kind"><c>DaemonSet</c> or <c>Deployment</c>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Desired">Pods wanted.</param>
/// <param name="Ready">Pods ready.</param>
/// <param name="Available">Pods available.</param>
internal sealed record Workload(string Kind, string Name, int Desired, int Ready, int Available);

/// <summary>What of Cilium runs in a cluster, as the API server tells.</summary>
internal sealed record ClusterState
{
    private static readonly (string Name, string Key, string Value)[] Selectors =
    [
        ("cilium", "k8s-app", "cilium"), ("cilium-envoy", "k8s-app", "cilium-envoy"), ("cilium-operator", "io.cilium/app", "operator"),
        ("hubble-relay", "k8s-app", "hubble-relay"), ("hubble-ui", "k8s-app", "hubble-ui"),
        ("clustermesh-apiserver", "k8s-app", "clustermesh-apiserver"),
    ];

    /// <summary>The workloads that exist.</summary>
    public IReadOnlyList<Workload> Workloads { get; init; } = [];

    /// <summary>Pods of each component, by phase.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, int>> Pods { get; init; } = new Dictionary<string, IReadOnlyDictionary<string, int>>();

    /// <summary>Pods of each component that use an image.</summary>
    public IReadOnlyDictionary<(string Component, string Image), int> Images { get; init; } = new Dictionary<(string, string), int>();

    /// <summary>Pods of the cluster that live and have a network of their own.</summary>
    public int ClusterPods { get; init; }

    /// <summary>Those of them that have a CiliumEndpoint.</summary>
    public int ManagedPods { get; init; }

    /// <summary>The chart's version, if the DaemonSet tells it.</summary>
    public string ChartVersion { get; init; } = "";

    /// <summary>The names of the components whose pods are counted.</summary>
    public static IEnumerable<string> ComponentNames => Selectors.Select(component => component.Name);

    public static async Task<ClusterState> ReadAsync(ClusterConnection cluster, string inNamespace, CancellationToken cancellationToken) => From(
        inNamespace,
        await cluster.GetAsync($"apis/apps/v1/namespaces/{inNamespace}/daemonsets", cancellationToken),
        await cluster.GetAsync($"apis/apps/v1/namespaces/{inNamespace}/deployments", cancellationToken),
        await cluster.GetAsync("api/v1/pods", cancellationToken),
        // Without the operator the definition is not there yet, and nothing is managed.
        await cluster.GetOrNothingAsync("apis/cilium.io/v2/ciliumendpoints", cancellationToken));

    public static ClusterState From(string inNamespace, JsonElement daemonSets, JsonElement deployments, JsonElement pods, JsonElement endpoints)
    {
        var managed = endpoints.Items("items").Select(item => item.FullName()).ToHashSet(StringComparer.Ordinal);
        var own = pods.Items("items")
            .Where(pod => !pod.IsTrue("spec", "hostNetwork") && (pod.Text("status", "phase") is "Running" or "Pending"))
            .Select(pod => pod.FullName())
            .ToArray();
        var components = pods.Items("items")
            .Where(pod => pod.Text("metadata", "namespace") == inNamespace)
            .Select(pod => (Component: ComponentOf(pod), Pod: pod))
            .Where(pair => pair.Component is not null)
            .ToLookup(pair => pair.Component!, pair => pair.Pod);
        return new ClusterState
        {
            Workloads =
            [
                .. daemonSets.Items("items").Where(IsOurs).Select(item => new Workload(
                    "DaemonSet", item.Name(), item.Number("status", "desiredNumberScheduled"), item.Number("status", "numberReady"),
                    item.Number("status", "numberAvailable"))),
                .. deployments.Items("items").Where(IsOurs).Select(item => new Workload(
                    "Deployment", item.Name(), item.Number("spec", "replicas"), item.Number("status", "readyReplicas"),
                    item.Number("status", "availableReplicas"))),
            ],
            Pods = components.ToDictionary(
                group => group.Key,
                group => (IReadOnlyDictionary<string, int>)group.CountBy(pod => pod.Text("status", "phase")).ToDictionary()),
            Images = components.SelectMany(group => group.SelectMany(pod => pod.Items("spec", "containers").Select(container => (group.Key, container.Text("image")))))
                .CountBy(pair => pair).ToDictionary(),
            ClusterPods = own.Length,
            ManagedPods = own.Count(managed.Contains),
            ChartVersion = daemonSets.Items("items").Where(item => item.Name() == "cilium")
                .Select(item => item.Text("metadata", "labels", "helm.sh/chart")).FirstOrDefault("") is { } chart && chart.StartsWith("cilium-", StringComparison.Ordinal)
                ? chart["cilium-".Length..]
                : "",
        };
    }

    /// <summary>A workload by its name, or null.</summary>
    public Workload? Find(string name) => Workloads.FirstOrDefault(workload => workload.Name == name);

    private static bool IsOurs(JsonElement item) => ComponentNames.Contains(item.Name());

    private static string? ComponentOf(JsonElement pod) =>
        Selectors.FirstOrDefault(component => pod.Text("metadata", "labels", component.Key) == component.Value).Name;
}
