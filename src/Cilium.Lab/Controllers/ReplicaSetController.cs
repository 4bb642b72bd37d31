using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Controllers;

/// <summary>Keeps the wanted number of pods for each ReplicaSet.</summary>
internal sealed class ReplicaSetController(ClusterState state)
{
    private readonly EventRecorder events = new(state, "replicaset-controller");

    public Task RunAsync(CancellationToken cancel) => new WorkLoop(
        state, "replicaset", [BuiltInKinds.ReplicaSets, BuiltInKinds.Pods],
        change => change.Object.Key.Resource == BuiltInKinds.ReplicaSets
            ? [change.Object.Key]
            : PodTemplates.ControllerKey(change.Object.Json, "ReplicaSet", BuiltInKinds.ReplicaSets),
        Reconcile).RunAsync(cancel);

    private void Reconcile(ObjectKey key)
    {
        if (state.Store.Get(key)?.Json is not { } set || set.IsDeleting()) return;
        var pods = PodTemplates.Owned(state, BuiltInKinds.Pods, set).Where(PodTemplates.IsActive).ToList();
        var wanted = (int)(set.Number("spec", "replicas") ?? 1);
        for (var count = pods.Count; count < wanted; count++)
        {
            var pod = PodTemplates.CreatePod(state, set, set.Members("spec", "template"), new Dictionary<string, string>());
            events.Normal(set, "SuccessfulCreate", $"Created pod: {pod.Name()}");
            pods.Add(pod);
        }

        foreach (var pod in PodTemplates.ByDisposability(pods).Take(pods.Count - wanted).ToList())
        {
            state.Delete(BuiltInKinds.Pods, pod.Namespace(), pod.Name());
            events.Normal(set, "SuccessfulDelete", $"Deleted pod: {pod.Name()}");
            pods.Remove(pod);
        }

        var ready = pods.Count(PodTemplates.IsReady);
        state.ChangeStatus(key.Resource, key.Namespace, key.Name, status =>
        {
            status["replicas"] = pods.Count;
            status["fullyLabeledReplicas"] = pods.Count;
            status["readyReplicas"] = ready;
            status["availableReplicas"] = ready;
            status["observedGeneration"] = set.Number("metadata", "generation") ?? 1;
        });
    }
}
