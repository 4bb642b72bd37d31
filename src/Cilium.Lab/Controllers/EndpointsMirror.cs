using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Mirrors to EndpointSlices the Endpoints that somebody writes for a service without a selector.</summary>
internal sealed class EndpointsMirror(ClusterState state)
{
    private const string ServiceLabel = "kubernetes.io/service-name";
    private const string ManagedByLabel = "endpointslice.kubernetes.io/managed-by";
    private const string Controller = "endpointslicemirroring-controller.k8s.io";
    private const string SkipLabel = "endpointslice.kubernetes.io/skip-mirror";
    private const int SliceLimit = 100;

    // Names of the slices that mirror each object: a namespace may have thousands of others.
    private readonly Dictionary<ObjectKey, HashSet<string>> mirrors = [];

    public Task RunAsync(CancellationToken cancel) => new WorkLoop(
        state, "endpointslicemirroring", [BuiltInKinds.Services, BuiltInKinds.Endpoints, BuiltInKinds.EndpointSlices], Affected, Reconcile).RunAsync(cancel);

    private HashSet<ObjectKey> Affected(StoreChange change)
    {
        var key = change.Object.Key;
        if (key.Resource != BuiltInKinds.EndpointSlices) return [key with { Resource = BuiltInKinds.Endpoints }];
        var mirrored = new HashSet<ObjectKey>();
        foreach (var slice in new[] { change.Previous, change.Object })
        {
            if (slice?.Json.Labels() is not { } labels || labels.Text(ManagedByLabel) != Controller) continue;
            var owner = new ObjectKey(BuiltInKinds.Endpoints, key.Namespace, labels.TextOr("", ServiceLabel));
            if (!mirrors.TryGetValue(owner, out var names)) mirrors[owner] = names = [];
            names.Add(key.Name);
            mirrored.Add(owner);
        }

        return mirrored;
    }

    private void Reconcile(ObjectKey key)
    {
        var wanted = new Dictionary<string, JsonObject>();
        if (state.Store.Get(key)?.Json is { } endpoints && IsMirrored(endpoints))
        {
            foreach (var slice in Slices(endpoints)) wanted[slice.Name()] = slice;
        }

        foreach (var (name, slice) in wanted)
        {
            if (state.Store.Get(BuiltInKinds.EndpointSlices, key.Namespace, name) is null) state.Create(BuiltInKinds.EndpointSlices, key.Namespace, slice);
            else
            {
                state.Change(BuiltInKinds.EndpointSlices, key.Namespace, name, item =>
                {
                    item["endpoints"] = slice["endpoints"]!.DeepClone();
                    item["ports"] = slice["ports"]!.DeepClone();
                });
            }
        }

        // Last: a watcher that saw the deletion first would find the service without a backend.
        if (!mirrors.TryGetValue(key, out var names)) return;
        foreach (var name in names.Where(name => !wanted.ContainsKey(name)).ToList())
        {
            var labels = state.Store.Get(BuiltInKinds.EndpointSlices, key.Namespace, name)?.Json.Labels();
            if (labels.Text(ServiceLabel) == key.Name && labels.Text(ManagedByLabel) == Controller) state.Delete(BuiltInKinds.EndpointSlices, key.Namespace, name);
            names.Remove(name);
        }

        if (names.Count == 0) mirrors.Remove(key);
    }

    private bool IsMirrored(JsonObject endpoints) =>
        !endpoints.IsDeleting() && endpoints.Labels().Text(SkipLabel) != "true"
        && state.Store.Get(BuiltInKinds.Services, endpoints.Namespace(), endpoints.Name())?.Json is { } service
        && service.Members("spec", "selector") is not { Count: > 0 } && service.Text("spec", "type") != "ExternalName";

    private static IEnumerable<JsonObject> Slices(JsonObject endpoints)
    {
        var index = 0;
        foreach (var subset in endpoints.Items("subsets"))
        {
            var all = subset.Items("addresses").Select(address => EndpointOf(address, isReady: true))
                .Concat(subset.Items("notReadyAddresses").Select(address => EndpointOf(address, isReady: false)));
            foreach (var family in all.GroupBy(FamilyOf))
            {
                var number = 0;
                foreach (var part in family.Chunk(SliceLimit)) yield return Slice(endpoints, family.Key, $"{family.Key}/{index}/{number++}", subset, part);
            }

            index++;
        }
    }

    private static JsonObject Slice(JsonObject endpoints, string family, string seed, JsonNode subset, IEnumerable<JsonObject> parts)
    {
        var labels = endpoints.Labels()?.Copy() ?? [];
        labels[ServiceLabel] = endpoints.Name();
        labels[ManagedByLabel] = Controller;
        return new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["name"] = $"{endpoints.Name()}-{PodTemplates.Hash(seed)[..5]}",
                ["generateName"] = endpoints.Name() + "-",
                ["labels"] = labels,
                ["ownerReferences"] = new JsonArray(Metadata.OwnerReference(endpoints)),
            },
            ["addressType"] = family,
            ["endpoints"] = parts.ToJsonArray(),
            ["ports"] = subset.Items("ports").Select(PortOf).ToJsonArray(),
        };
    }

    private static string FamilyOf(JsonObject endpoint) => endpoint.Items("addresses").First().Display().Contains(':', StringComparison.Ordinal) ? "IPv6" : "IPv4";

    private static JsonObject EndpointOf(JsonNode address, bool isReady)
    {
        var endpoint = new JsonObject { ["addresses"] = new JsonArray(address.TextOr("", "ip")), ["conditions"] = new JsonObject { ["ready"] = isReady } };
        foreach (var member in (ReadOnlySpan<string>)["hostname", "nodeName", "targetRef"])
        {
            if (address.At(member) is { } value) endpoint[member] = value.DeepClone();
        }

        return endpoint;
    }

    private static JsonNode? PortOf(JsonNode port)
    {
        var entry = new JsonObject { ["name"] = port.TextOr("", "name"), ["port"] = port.Number("port"), ["protocol"] = port.TextOr("TCP", "protocol") };
        if (port.Text("appProtocol") is { } application) entry["appProtocol"] = application;
        return entry;
    }
}
