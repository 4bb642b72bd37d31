using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Keeps the EndpointSlices and the Endpoints object of each service with a selector.</summary>
internal sealed class EndpointSliceController(ClusterState state)
{
    private const string ServiceLabel = "kubernetes.io/service-name";
    private const string ManagedByLabel = "endpointslice.kubernetes.io/managed-by";
    private const string Controller = "endpointslice-controller.k8s.io";
    private const int SliceLimit = 100;

    public Task RunAsync(CancellationToken cancel) =>
        new WorkLoop(state, "endpointslice", [BuiltInKinds.Services, BuiltInKinds.Pods], Affected, Reconcile).RunAsync(cancel);

    private IEnumerable<ObjectKey> Affected(StoreChange change)
    {
        if (change.Object.Key.Resource == BuiltInKinds.Services) return [change.Object.Key];
        return state.Store.List(BuiltInKinds.Services, change.Object.Key.Namespace).Objects
            .Where(service => service.Json.Members("spec", "selector") is { Count: > 0 } selector
                && (Selects(selector, change.Object.Json) || (change.Previous is not null && Selects(selector, change.Previous.Json))))
            .Select(service => service.Key);
    }

    private void Reconcile(ObjectKey key)
    {
        var service = state.Store.Get(key)?.Json;
        var selector = service.Members("spec", "selector");
        if (service is not null && (selector is not { Count: > 0 } || service.Text("spec", "type") == "ExternalName")) return;
        var wanted = new Dictionary<string, JsonObject>();
        var pods = service is null ? [] : state.Store.All(BuiltInKinds.Pods, key.Namespace)
            .Where(pod => Selects(selector!, pod) && pod.Text("status", "podIP") is not null && pod.Text("status", "phase") is not ("Succeeded" or "Failed"))
            .ToList();
        if (service is not null && !service.IsDeleting())
        {
            foreach (var slice in service.Items("spec", "ipFamilies").SelectMany(family => Slices(service, family.Display(), pods))) wanted[slice.Name()] = slice;
            PutEndpoints(service, pods);
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
        foreach (var existing in state.Store.All(BuiltInKinds.EndpointSlices, key.Namespace).ToList())
        {
            if (existing.Labels().Text(ServiceLabel) != key.Name || existing.Labels().Text(ManagedByLabel) != Controller) continue;
            if (!wanted.ContainsKey(existing.Name())) state.Delete(BuiltInKinds.EndpointSlices, key.Namespace, existing.Name());
        }
    }

    private static IEnumerable<JsonObject> Slices(JsonObject service, string family, List<JsonObject> pods)
    {
        var groups = pods
            .Select(pod => (Pod: pod, Address: AddressOf(pod, family), Ports: Ports(service, pod)))
            .Where(entry => entry.Address is not null)
            .GroupBy(entry => entry.Ports.ToJsonString())
            .ToList();
        if (groups.Count == 0)
        {
            yield return Slice(service, family, PodTemplates.Hash(family), new JsonArray(), []);
            yield break;
        }

        foreach (var group in groups)
        {
            var number = 0;
            foreach (var part in group.OrderBy(entry => entry.Pod.Name(), StringComparer.Ordinal).Chunk(SliceLimit))
            {
                var seed = groups.Count == 1 && number == 0 ? family : $"{family}/{group.Key}/{number}";
                yield return Slice(
                    service, family, PodTemplates.Hash(seed), part[0].Ports, part.Select(entry => (JsonNode?)EndpointOf(service, entry.Pod, entry.Address!)));
                number++;
            }
        }
    }

    private static JsonObject Slice(JsonObject service, string family, string suffix, JsonArray ports, IEnumerable<JsonNode?> endpoints)
    {
        var labels = service.Labels()?.Copy() ?? [];
        labels[ServiceLabel] = service.Name();
        labels[ManagedByLabel] = Controller;
        if (service.Text("spec", "clusterIP") == "None") labels["service.kubernetes.io/headless"] = "";
        return new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["name"] = $"{service.Name()}-{suffix[..5]}",
                ["generateName"] = service.Name() + "-",
                ["labels"] = labels,
                ["ownerReferences"] = new JsonArray(Metadata.OwnerReference(service)),
            },
            ["addressType"] = family,
            ["endpoints"] = endpoints.ToJsonArray(),
            ["ports"] = ports.DeepClone(),
        };
    }

    private static JsonObject EndpointOf(JsonObject service, JsonObject pod, string address)
    {
        var ready = PodTemplates.IsReady(pod);
        var terminating = pod.IsDeleting();
        var endpoint = new JsonObject
        {
            ["addresses"] = new JsonArray(address),
            ["conditions"] = new JsonObject
            {
                ["ready"] = (ready && !terminating) || service.Flag("spec", "publishNotReadyAddresses"),
                ["serving"] = ready,
                ["terminating"] = terminating,
            },
            ["nodeName"] = pod.Text("spec", "nodeName"),
            ["targetRef"] = TargetOf(pod),
        };
        if (pod.Text("spec", "hostname") is { Length: > 0 } hostname && pod.Text("spec", "subdomain") == service.Name()) endpoint["hostname"] = hostname;
        return endpoint;
    }

    private static JsonObject TargetOf(JsonObject pod) =>
        new() { ["kind"] = "Pod", ["name"] = pod.Name(), ["namespace"] = pod.Namespace(), ["uid"] = pod.Uid() };

    private static string? AddressOf(JsonObject pod, string family) =>
        pod.Items("status", "podIPs").Select(item => item.TextOr("", "ip")).FirstOrDefault(ip => ip.Contains(':', StringComparison.Ordinal) == (family == "IPv6"));

    /// <summary>The ports of a service as one pod offers them: named target ports are looked up in its containers.</summary>
    private static JsonArray Ports(JsonObject service, JsonObject pod)
    {
        var ports = new JsonArray();
        foreach (var port in service.Items("spec", "ports"))
        {
            var number = port.At("targetPort") is { } target ? target.AsNumber() ?? Named(pod, target.Display(), port.TextOr("TCP", "protocol")) : port.Number("port");
            if (number is null) continue;
            var entry = new JsonObject { ["name"] = port.TextOr("", "name"), ["port"] = number, ["protocol"] = port.TextOr("TCP", "protocol") };
            if (port.Text("appProtocol") is { } application) entry["appProtocol"] = application;
            ports.Add((JsonNode)entry);
        }

        return ports;
    }

    private static long? Named(JsonObject pod, string name, string protocol) => pod.Items("spec", "containers")
        .SelectMany(container => container.Items("ports"))
        .FirstOrDefault(port => port.Text("name") == name && port.TextOr("TCP", "protocol") == protocol)
        .Number("containerPort");

    private void PutEndpoints(JsonObject service, List<JsonObject> pods)
    {
        var family = service.Items("spec", "ipFamilies").Select(item => item.Display()).FirstOrDefault("IPv4");
        var subsets = new JsonArray();
        var groups = pods.Where(pod => AddressOf(pod, family) is not null && !pod.IsDeleting()).GroupBy(pod => Ports(service, pod).ToJsonString());
        foreach (var group in groups)
        {
            var subset = new JsonObject();
            foreach (var (member, ready) in (ReadOnlySpan<(string, bool)>)[("addresses", true), ("notReadyAddresses", false)])
            {
                var addresses = group.Where(pod => PodTemplates.IsReady(pod) == ready).OrderBy(pod => pod.Name(), StringComparer.Ordinal)
                    .Select(pod => (JsonNode?)new JsonObject
                    {
                        ["ip"] = AddressOf(pod, family),
                        ["nodeName"] = pod.Text("spec", "nodeName"),
                        ["targetRef"] = TargetOf(pod),
                    }).ToJsonArray();
                if (addresses.Count > 0) subset[member] = addresses;
            }

            subset["ports"] = Ports(service, group.First());
            subsets.Add((JsonNode)subset);
        }

        if (state.Store.Get(BuiltInKinds.Endpoints, service.Namespace(), service.Name()) is null)
        {
            state.Create(BuiltInKinds.Endpoints, service.Namespace(), new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["name"] = service.Name(),
                    ["labels"] = service.Labels()?.Copy() ?? [],
                    ["ownerReferences"] = new JsonArray(Metadata.OwnerReference(service)),
                },
                ["subsets"] = subsets,
            });
            return;
        }

        state.Change(BuiltInKinds.Endpoints, service.Namespace(), service.Name(), item => item["subsets"] = subsets);
    }

    private static bool Selects(JsonObject selector, JsonObject pod)
    {
        var labels = pod.Labels();
        foreach (var (key, value) in selector)
        {
            if (labels.Text(key) != value.Display()) return false;
        }

        return true;
    }
}
