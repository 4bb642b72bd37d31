using System.Collections.Frozen;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Printing;

/// <summary>The columns of built-in kinds.</summary>
internal static class BuiltInColumns
{
    private static readonly TableColumn Name = new("Name", (item, _) => item.Name());
    private static readonly TableColumn Age = new("Age", (item, now) => AgeText.Of(item.Time("metadata", "creationTimestamp"), now));
    private static readonly TableColumn Containers = new("Containers", (item, _) => Templates(item, "name"), Wide: true);
    private static readonly TableColumn Images = new("Images", (item, _) => Templates(item, "image"), Wide: true);
    private static readonly TableColumn Selector = new("Selector", (item, _) => SelectorText(item.Members("spec", "selector")), Wide: true);

    private static readonly IReadOnlyList<TableColumn> Generic = [Name, Age];

    private static readonly FrozenDictionary<ResourceId, IReadOnlyList<TableColumn>> Table = new Dictionary<ResourceId, IReadOnlyList<TableColumn>>
    {
        [BuiltInKinds.Pods] = PodColumns.All,
        [BuiltInKinds.Nodes] = NodeColumns(),
        [BuiltInKinds.Services] = ServiceColumns.All,
        [BuiltInKinds.Namespaces] = [Name, new("Status", (item, _) => item.Text("status", "phase")), Age],
        [BuiltInKinds.ConfigMaps] = [Name, new("Data", (item, _) => Count(item, "data") + Count(item, "binaryData")), Age],
        [BuiltInKinds.Secrets] = [Name, new("Type", (item, _) => item.TextOr("Opaque", "type")), new("Data", (item, _) => Count(item, "data")), Age],
        [BuiltInKinds.ServiceAccounts] = [Name, new("Secrets", (item, _) => item.Items("secrets").Count()), Age],
        [BuiltInKinds.Leases] = [Name, new("Holder", (item, _) => item.TextOr("", "spec", "holderIdentity")), Age],
        [BuiltInKinds.Endpoints] = [Name, new("Endpoints", (item, _) => ServiceColumns.EndpointsText(item)), Age],
        [BuiltInKinds.EndpointSlices] =
        [
            Name,
            new("AddressType", (item, _) => item.Text("addressType")),
            new("Ports", (item, _) => Limited(item.Items("ports").Select(port => port.At("port").Display()), "<unset>")),
            new("Endpoints", (item, _) => Limited(item.Items("endpoints").SelectMany(e => e.Items("addresses")).Select(a => a.Display()), "<unset>")),
            Age,
        ],
        [BuiltInKinds.Deployments] =
        [
            Name,
            new("Ready", (item, _) => $"{Status(item, "readyReplicas")}/{item.Number("spec", "replicas") ?? 0}"),
            new("Up-to-date", (item, _) => Status(item, "updatedReplicas")),
            new("Available", (item, _) => Status(item, "availableReplicas")),
            Age, Containers, Images, Selector,
        ],
        [BuiltInKinds.ReplicaSets] =
        [
            Name,
            new("Desired", (item, _) => item.Number("spec", "replicas") ?? 0),
            new("Current", (item, _) => Status(item, "replicas")),
            new("Ready", (item, _) => Status(item, "readyReplicas")),
            Age, Containers, Images, Selector,
        ],
        [BuiltInKinds.DaemonSets] =
        [
            Name,
            new("Desired", (item, _) => Status(item, "desiredNumberScheduled")),
            new("Current", (item, _) => Status(item, "currentNumberScheduled")),
            new("Ready", (item, _) => Status(item, "numberReady")),
            new("Up-to-date", (item, _) => Status(item, "updatedNumberScheduled")),
            new("Available", (item, _) => Status(item, "numberAvailable")),
            new("Node Selector", (item, _) => Pairs(item.Members("spec", "template", "spec", "nodeSelector"))),
            Age, Containers, Images, Selector,
        ],
        [BuiltInKinds.Events] =
        [
            new("Last Seen", (item, now) => AgeText.Of(item.Time("lastTimestamp") ?? item.Time("eventTime"), now)),
            new("Type", (item, _) => item.Text("type")),
            new("Reason", (item, _) => item.Text("reason")),
            new("Object", (item, _) => $"{item.TextOr("", "involvedObject", "kind").ToLowerInvariant()}/{item.Text("involvedObject", "name")}"),
            new("Source", (item, _) => item.TextOr("", "source", "component"), Wide: true),
            new("Message", (item, _) => item.Text("message")),
            new("Count", (item, _) => item.Number("count") ?? 1, Wide: true),
            new("Name", (item, _) => item.Name(), Wide: true),
        ],
        [BuiltInKinds.CustomResourceDefinitions] = [Name, new("Created At", (item, _) => item.Text("metadata", "creationTimestamp"))],
        [BuiltInKinds.ServiceCidrs] = [Name, new("CIDRs", (item, _) => Limited(item.Items("spec", "cidrs").Select(c => c.Display()), "<none>")), Age],
        [new("networking.k8s.io", "networkpolicies")] = [Name, new("Pod-Selector", (item, _) => SelectorText(item.Members("spec", "podSelector"))), Age],
    }.ToFrozenDictionary();

    public static IReadOnlyList<TableColumn> For(ResourceId id) => Table.GetValueOrDefault(id, Generic);

    public static string Limited(IEnumerable<string> items, string none)
    {
        var all = items.ToList();
        if (all.Count == 0) return none;
        var shown = string.Join(",", all.Take(3));
        return all.Count > 3 ? $"{shown} + {all.Count - 3} more..." : shown;
    }

    public static string Pairs(JsonObject? map) => map is { Count: > 0 } ? string.Join(",", map.Select(pair => $"{pair.Key}={pair.Value.Display()}")) : "<none>";

    private static IReadOnlyList<TableColumn> NodeColumns() =>
    [
        Name,
        new("Status", (node, _) => (node.HasCondition("Ready") ? "Ready" : "NotReady") + (node.Flag("spec", "unschedulable") ? ",SchedulingDisabled" : "")),
        new("Roles", (node, _) => Roles(node)),
        Age,
        new("Version", (node, _) => node.TextOr("", "status", "nodeInfo", "kubeletVersion")),
        new("Internal-IP", (node, _) => Address(node, "InternalIP"), Wide: true),
        new("External-IP", (node, _) => Address(node, "ExternalIP"), Wide: true),
        new("OS-Image", (node, _) => node.TextOr("<unknown>", "status", "nodeInfo", "osImage"), Wide: true),
        new("Kernel-Version", (node, _) => node.TextOr("<unknown>", "status", "nodeInfo", "kernelVersion"), Wide: true),
        new("Container-Runtime", (node, _) => node.TextOr("<unknown>", "status", "nodeInfo", "containerRuntimeVersion"), Wide: true),
    ];

    private static string Roles(JsonObject node)
    {
        const string prefix = "node-role.kubernetes.io/";
        var roles = (node.Labels() ?? []).Select(pair => pair.Key).Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => key[prefix.Length..]);
        return string.Join(",", roles) is { Length: > 0 } text ? text : "<none>";
    }

    private static string Address(JsonObject node, string type) =>
        node.Items("status", "addresses").FirstOrDefault(address => address.Text("type") == type).TextOr("<none>", "address");

    private static long Status(JsonObject item, string name) => item.Number("status", name) ?? 0;

    private static int Count(JsonObject item, string name) => item.Members(name)?.Count ?? 0;

    private static string Templates(JsonObject item, string member) =>
        string.Join(",", item.Items("spec", "template", "spec", "containers").Select(container => container.TextOr("", member)));

    private static string SelectorText(JsonObject? selector)
    {
        if (selector?["matchExpressions"] is not JsonArray) return Pairs(selector.Members("matchLabels"));
        var parts = (selector.Members("matchLabels") ?? []).Select(pair => $"{pair.Key}={pair.Value.Display()}")
            .Concat(selector.Items("matchExpressions").Select(e => $"{e.Text("key")} {e.Text("operator")?.ToLowerInvariant()} ({string.Join(",", e.Items("values").Select(v => v.Display()))})"));
        return string.Join(",", parts);
    }
}
