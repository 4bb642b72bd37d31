using System.Net;
using System.Text.Json.Nodes;
using Cilium.Lab.Admission;
using Cilium.Lab.Json;
using Cilium.Lab.Registry;
using Cilium.Lab.Storage;
using Microsoft.Extensions.Logging;

namespace Cilium.Lab.Cluster;

/// <summary>The objects of a cluster with everything that writes them.</summary>
internal sealed class ClusterState
{
    public ClusterState(IReadOnlyList<IPNetwork> serviceRanges, TimeProvider clock, ILogger log)
    {
        Log = log;
        Clock = clock;
        Store = new ObjectStore();
        Catalog = new ResourceCatalog();
        var admissions = new AdmissionTable(new Dictionary<ResourceId, IAdmission>
        {
            [BuiltInKinds.Pods] = new PodAdmission(),
            [BuiltInKinds.Deployments] = new WorkloadAdmission("Deployment"),
            [BuiltInKinds.ReplicaSets] = new WorkloadAdmission("ReplicaSet"),
            [BuiltInKinds.DaemonSets] = new WorkloadAdmission("DaemonSet"),
            [BuiltInKinds.Namespaces] = new NamespaceAdmission(),
            [BuiltInKinds.Nodes] = new NodeAdmission(),
            [BuiltInKinds.Services] = new ServiceAdmission(serviceRanges),
            [BuiltInKinds.CustomResourceDefinitions] = new DefinitionAdmission(Catalog, Store, clock),
        });
        Registry = new ObjectRegistry(Store, Catalog, admissions, clock);
        Deletion = new ObjectDeletion(Store, admissions, clock);
    }

    public TimeProvider Clock { get; }

    public ILogger Log { get; }

    public ObjectStore Store { get; }

    public ResourceCatalog Catalog { get; }

    public ObjectRegistry Registry { get; }

    public ObjectDeletion Deletion { get; }

    public JsonObject Create(ResourceId resource, string ns, JsonObject body)
    {
        var kind = Catalog.Get(resource);
        return Registry.Create(kind, kind.StorageVersion, ns, body, WriteOptions.System);
    }

    /// <summary>Creates an object unless one of its name is there.</summary>
    public void Ensure(ResourceId resource, string ns, JsonObject body)
    {
        if (Store.Get(resource, ns, body.Name()) is null) Create(resource, ns, body);
    }

    /// <summary>Changes an object in place; nothing happens when it or its kind is gone, or <paramref name="change"/> changes nothing.</summary>
    public JsonObject? Change(ResourceId resource, string ns, string name, Action<JsonObject> change, string? subresource = null)
    {
        if (Catalog.Find(resource) is not { } kind) return null;
        while (Store.Get(resource, ns, name)?.Json is { } current)
        {
            var draft = current.Copy();
            change(draft);
            if (JsonAccess.Same(current, draft)) return current;
            try
            {
                return Registry.Update(kind, kind.StorageVersion, new ObjectKey(resource, ns, name), draft, subresource, WriteOptions.System);
            }
            catch (ApiException raced) when (raced.Reason is "Conflict")
            {
                continue;
            }
            catch (ApiException gone) when (gone.Reason is "NotFound")
            {
                return null;
            }
        }

        return null;
    }

    public JsonObject? ChangeStatus(ResourceId resource, string ns, string name, Action<JsonObject> change) =>
        Change(resource, ns, name, item => change(item.Ensure("status")), "status");

    /// <summary>Deletes an object; an absent one is success.</summary>
    public void Delete(ResourceId resource, string ns, string name, DeleteOptions? options = null)
    {
        try
        {
            Deletion.Delete(Catalog.Get(resource), new ObjectKey(resource, ns, name), options ?? DeleteOptions.Background);
        }
        catch (ApiException gone) when (gone.Reason is "NotFound" or "Conflict")
        {
            return;
        }
    }
}
