using System.Net;
using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>All controllers of a cluster, and the objects a cluster starts with.</summary>
internal sealed class ControllerSet(
    ClusterState state, ClusterNetwork network, string authorityPem)
{
    private static readonly string[] InitialNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

    public void Furnish(IReadOnlyList<IPEndPoint> apiServers)
    {
        foreach (var name in InitialNamespaces)
            state.Ensure(BuiltInKinds.Namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } });
        state.Ensure(BuiltInKinds.ServiceCidrs, "", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "kubernetes" },
            ["spec"] = new JsonObject { ["cidrs"] = new JsonArray([.. network.ServiceRanges.Select(range => (JsonNode?)range.ToString())]) },
        });
        FurnishApiService(apiServers);
    }

    /// <summary>Runs them all; when one ends, all do, and its failure is thrown.</summary>
    public Task RunAsync(CancellationToken cancel) => RunTogetherAsync(
        [
            new NamespaceController(state, authorityPem).RunAsync,
            new NodeController(state, network.PodRanges).RunAsync,
            new Scheduler(state).RunAsync,
            new ReplicaSetController(state).RunAsync,
            new DeploymentController(state).RunAsync,
            new DaemonSetController(state).RunAsync,
            new EndpointSliceController(state).RunAsync,
            new EndpointsMirror(state).RunAsync,
            new GarbageCollector(state).RunAsync,
            new EventExpiry(state).RunAsync,
        ],
        cancel);

    internal static async Task RunTogetherAsync(IReadOnlyList<Func<CancellationToken, Task>> parts, CancellationToken cancel)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var running = parts.Select(part => part(ending.Token)).ToList();
        try
        {
            await await Task.WhenAny(running);
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void FurnishApiService(IReadOnlyList<IPEndPoint> apiServers)
    {
        var address = new Admission.AddressPool(network.ServiceRanges[0]).At(1);
        var family = address.Contains(':', StringComparison.Ordinal) ? "IPv6" : "IPv4";
        var backends = apiServers.Where(server => server.Address.ToString().Contains(':', StringComparison.Ordinal) == (family == "IPv6")).ToList();
        state.Ensure(BuiltInKinds.Services, "default", new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["name"] = "kubernetes",
                ["labels"] = new JsonObject { ["component"] = "apiserver", ["provider"] = "kubernetes" },
            },
            ["spec"] = new JsonObject
            {
                ["clusterIP"] = address,
                ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = 443, ["targetPort"] = backends.FirstOrDefault()?.Port ?? 6443, ["protocol"] = "TCP" }),
            },
        });
        if (backends.Count == 0) return;
        var addresses = new JsonArray([.. backends.Select(server => (JsonNode?)new JsonObject { ["ip"] = server.Address.ToString() })]);
        JsonArray Ports() => new(new JsonObject { ["name"] = "https", ["port"] = backends[0].Port, ["protocol"] = "TCP" });
        state.Ensure(BuiltInKinds.Endpoints, "default", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "kubernetes", ["labels"] = new JsonObject { ["endpointslice.kubernetes.io/skip-mirror"] = "true" } },
            ["subsets"] = new JsonArray(new JsonObject { ["addresses"] = addresses, ["ports"] = Ports() }),
        });
        state.Ensure(BuiltInKinds.EndpointSlices, "default", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "kubernetes", ["labels"] = new JsonObject { ["kubernetes.io/service-name"] = "kubernetes" } },
            ["addressType"] = family,
            ["endpoints"] = new JsonArray([.. backends.Select(server => (JsonNode?)new JsonObject
            {
                ["addresses"] = new JsonArray(server.Address.ToString()),
                ["conditions"] = new JsonObject { ["ready"] = true, ["serving"] = true, ["terminating"] = false },
            })]),
            ["ports"] = Ports(),
        });
    }
}
