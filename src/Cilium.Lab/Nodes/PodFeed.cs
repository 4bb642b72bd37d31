using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Nodes;

/// <summary>
/// Follows the pods bound to one node: each state of a pod, and its end. One that goes while the watch has fallen behind is missing from the
/// next list.
/// </summary>
internal sealed class PodFeed(ObjectStore store, string node)
{
    private readonly HashSet<string> known = [];

    /// <summary>Follows until cancelled.</summary>
    /// <param name="seen">Takes the state of a pod.</param>
    /// <param name="gone">Takes the uid of a pod that is no longer.</param>
    /// <param name="cancel">Ends it, with <see cref="OperationCanceledException"/>.</param>
    public async Task RunAsync(Action<JsonObject> seen, Action<string> gone, CancellationToken cancel)
    {
        while (true)
        {
            using var watch = store.Watch(store.Revision, resource => resource == BuiltInKinds.Pods);
            var present = store.All(BuiltInKinds.Pods).Where(IsHere).ToList();
            foreach (var uid in known.Except(present.Select(pod => pod.Uid())).ToList()) Forget(uid, gone);
            foreach (var pod in present) Learn(pod, seen);
            await foreach (var change in watch.Changes.ReadAllAsync(cancel))
            {
                if (!IsHere(change.Object.Json)) continue;
                if (change.Type == ChangeType.Deleted) Forget(change.Object.Json.Uid(), gone);
                else Learn(change.Object.Json, seen);
            }
        }
    }

    private bool IsHere(JsonObject pod) => pod.Text("spec", "nodeName") == node;

    private void Learn(JsonObject pod, Action<JsonObject> seen)
    {
        known.Add(pod.Uid());
        seen(pod);
    }

    private void Forget(string uid, Action<string> gone)
    {
        known.Remove(uid);
        gone(uid);
    }
}
