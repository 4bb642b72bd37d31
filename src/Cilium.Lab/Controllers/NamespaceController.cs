using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Furnishes new namespaces and empties those on their way out.</summary>
internal sealed class NamespaceController(ClusterState state, string authorityPem)
{
    public Task RunAsync(CancellationToken cancel) => new WorkLoop(
        state, "namespace", [BuiltInKinds.Namespaces],
        change => change.Object.Key.Resource == BuiltInKinds.Namespaces ? [change.Object.Key]
            : change.Type == ChangeType.Deleted && change.Object.Key.Namespace.Length > 0 ? [new ObjectKey(BuiltInKinds.Namespaces, "", change.Object.Key.Namespace)] : [],
        Reconcile,
        heard: _ => true).RunAsync(cancel); // whatever kind is the last to go

    private void Reconcile(ObjectKey key)
    {
        if (state.Store.Get(key)?.Json is not { } ns) return;
        if (ns.IsDeleting()) Empty(key, ns);
        else
        {
            state.Ensure(BuiltInKinds.ServiceAccounts, key.Name, new JsonObject { ["metadata"] = new JsonObject { ["name"] = "default" } });
            state.Ensure(BuiltInKinds.ConfigMaps, key.Name, new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = "kube-root-ca.crt" },
                ["data"] = new JsonObject { ["ca.crt"] = authorityPem },
            });
        }
    }

    private void Empty(ObjectKey key, JsonObject ns)
    {
        var left = 0;
        foreach (var kind in state.Catalog.Kinds.Where(kind => kind.Namespaced))
        {
            foreach (var item in state.Store.List(kind.Id, key.Name).Objects)
            {
                if (!item.Json.IsDeleting()) state.Delete(kind.Id, key.Name, item.Key.Name);
                if (state.Store.Get(item.Key) is not null) left++;
            }
        }

        if (left > 0) return;
        state.Change(BuiltInKinds.Namespaces, "", key.Name, item => item.Ensure("spec")["finalizers"] = new JsonArray(), "finalize");
    }
}
