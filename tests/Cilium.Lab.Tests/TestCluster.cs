using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Lab.Tests;

/// <summary>A cluster's objects with two namespaces and no controllers.</summary>
internal static class TestCluster
{
    public static ClusterState Create(bool ipv6 = true)
    {
        var state = new ClusterState(ClusterNetwork.For(true, ipv6).ServiceRanges, TimeProvider.System, NullLogger.Instance);
        foreach (var name in (string[])["default", "kube-system"])
            state.Create(BuiltInKinds.Namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } });
        return state;
    }

    public static JsonObject Create(this ClusterState state, ResourceId resource, string json) =>
        state.Create(resource, "default", (JsonObject)JsonNode.Parse(json)!);

    public static JsonObject Patch(this ClusterState state, ResourceId resource, string name, string json, string? subresource = null)
    {
        var kind = state.Catalog.Get(resource);
        return state.Registry.Patch(
            kind, kind.StorageVersion, new ObjectKey(resource, kind.Namespaced ? "default" : "", name), JsonNode.Parse(json)!, PatchType.Merge, subresource, WriteOptions.System);
    }

    /// <summary>Waits until a condition on the store holds; every change of the store asks again.</summary>
    public static async Task UntilAsync(this ClusterState state, Func<bool> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var watch = state.Store.Watch(state.Store.Revision, _ => true);
        while (!holds()) await watch.Changes.ReadAsync(limit.Token);
    }
}
