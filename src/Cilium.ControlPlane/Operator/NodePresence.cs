using Cilium.Core.Tables;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Operator;

/// <summary>Whether nodes still live: their pods use their CIDRs, and a CiliumNode made anew gets them back.</summary>
/// <param name="nodes">What the watch tells of nodes.</param>
/// <param name="writer">Asks the server itself.</param>
/// <param name="askAgain">Has a node looked at again, when the watch is behind: one that it never tells of wakes nobody when it ends.</param>
internal sealed class NodePresence(IReadTable<string, KubeNodeRow> nodes, CiliumNodeWriter writer, Action<string> askAgain)
{
    /// <summary>True only when the server has no such node either. The end of a node that the watch knows is a change of its row.</summary>
    public async Task<bool> IsGoneAsync(string name, CancellationToken cancellationToken)
    {
        if (nodes.TryGet(name, out _))
        {
            return false;
        }

        if (!await writer.HasNodeAsync(name, cancellationToken))
        {
            return true;
        }

        askAgain(name);
        return false;
    }
}
