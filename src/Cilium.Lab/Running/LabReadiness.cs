using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Running;

/// <summary>Whether a lab is up: its nodes Ready and, with Cilium, an agent on each and the cluster's DNS.</summary>
internal sealed class LabReadiness(ClusterState state, bool withCilium)
{
    private static readonly ResourceId[] Watched = [BuiltInKinds.Nodes, BuiltInKinds.DaemonSets, BuiltInKinds.Deployments, BuiltInKinds.Namespaces];

    public async Task WaitAsync(CancellationToken cancel)
    {
        while (true)
        {
            using var watch = state.Store.Watch(state.Store.Revision, Watched.Contains);
            if (IsReady()) return;
            await foreach (var _ in watch.Changes.ReadAllAsync(cancel))
            {
                if (IsReady()) return;
            }
        }
    }

    private bool IsReady()
    {
        if (!withCilium) return state.Store.Get(BuiltInKinds.Namespaces, "", "default") is not null;
        var nodes = state.Store.All(BuiltInKinds.Nodes).ToList();
        if (nodes.Count == 0 || !nodes.All(node => node.HasCondition("Ready"))) return false;
        var agents = Status(BuiltInKinds.DaemonSets, "cilium");
        if (agents.Number("numberReady") != nodes.Count) return false;
        var dns = Status(BuiltInKinds.Deployments, "coredns");
        return dns.Number("readyReplicas") >= 1;
    }

    private JsonObject? Status(ResourceId resource, string name) => (state.Store.Get(resource, "kube-system", name)?.Json).Members("status");
}
