using Cilium.ControlPlane.Agent;
using Cilium.Core.Reconciliation;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Writes CiliumEndpoints of this node again that somebody else has deleted: without them no other node knows the pod, and its identity counts as unused.</summary>
internal sealed class CiliumEndpointRepair(AgentTables tables, Reconciler<NamespacedName, CiliumEndpointContent> reconciler) : IAgentLoop
{
    public string Name => "repair-ciliumendpoints";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var present = tables.Kubernetes.CiliumEndpoints.Subscribe();
        while (true)
        {
            foreach (var change in present.Drain())
            {
                // A deletion and a creation may be told as one change.
                var isGone = change.Previous is { } former && former.Uid != change.Current?.Uid;
                if (isGone && tables.CiliumEndpoints.TryGet(change.Key, out var content) && HasPod(content))
                {
                    reconciler.Repeat(change.Key);
                }
            }

            await present.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    // An object whose owner is gone is collected by Kubernetes: written again it would be collected again.
    private bool HasPod(CiliumEndpointContent content) => tables.Kubernetes.Pods.TryGet(content.Key, out var pod) && pod.Uid == content.PodUid;
}
