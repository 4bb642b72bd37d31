using System.Net;
using System.Text.Json.Nodes;
using Cilium.Lab.Admission;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Gives nodes their pod CIDRs and taints those that are not ready.</summary>
internal sealed class NodeController(ClusterState state, IReadOnlyList<(IPNetwork Range, int NodePrefixLength)> podRanges)
{
    private const string NotReady = "node.kubernetes.io/not-ready";

    public Task RunAsync(CancellationToken cancel) =>
        new WorkLoop(state, "node", [BuiltInKinds.Nodes], change => change.Type == ChangeType.Deleted ? [] : [change.Object.Key], Reconcile).RunAsync(cancel);

    private void Reconcile(ObjectKey key)
    {
        if (state.Store.Get(key)?.Json is not { } node) return;
        var ready = node.HasCondition("Ready");
        state.Change(BuiltInKinds.Nodes, "", key.Name, item =>
        {
            var spec = item.Ensure("spec");
            if (spec["podCIDRs"] is null) AssignRanges(key.Name, spec);
            var taints = spec["taints"] as JsonArray ?? [];
            var wanted = taints.Where(taint => taint.Text("key") != NotReady).Select(taint => taint?.DeepClone()).ToList();
            if (!ready)
            {
                wanted.Insert(0, new JsonObject { ["key"] = NotReady, ["effect"] = "NoSchedule" });
            }

            if (wanted.Count > 0) spec["taints"] = wanted.ToJsonArray();
            else spec.Remove("taints");
        });
    }

    private void AssignRanges(string name, JsonObject spec)
    {
        var used = state.Store.All(BuiltInKinds.Nodes).Where(node => node.Name() != name)
            .SelectMany(node => node.Items("spec", "podCIDRs")).Select(item => item.Display()).ToHashSet();
        var assigned = new List<string>();
        foreach (var (range, length) in podRanges)
        {
            var bits = range.BaseAddress.GetAddressBytes().Length * 8;
            var pool = new AddressPool(range);
            for (var index = System.Numerics.BigInteger.Zero; ; index++)
            {
                var candidate = $"{pool.At(index << (bits - length))}/{length}";
                if (used.Contains(candidate)) continue;
                if (range.Contains(IPNetwork.Parse(candidate).BaseAddress)) assigned.Add(candidate);
                break;
            }
        }

        spec["podCIDRs"] = assigned.ToJsonTexts();
        if (assigned.Count > 0) spec["podCIDR"] = assigned[0];
    }
}
