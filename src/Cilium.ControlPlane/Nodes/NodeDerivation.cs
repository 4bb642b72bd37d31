using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Nodes;

/// <summary>CiliumNodes in, the other nodes as the datapath must know them out.</summary>
internal sealed class NodeDerivation(AgentTables tables, AgentOptions options, TimeProvider time, SharedRows<NodeRow?>? shared = null) : IAgentLoop
{
    public string Name => "nodes";

    /// <summary>The datapath's row of a node; null without an underlay address.</summary>
    public static NodeRow? RowOf(CiliumNodeRow node)
    {
        var ipv4 = node.AddressOf(NodeAddress.InternalIP, ipv4: true);
        var ipv6 = node.AddressOf(NodeAddress.InternalIP, ipv4: false);
        return ipv4.IsNone && ipv6.IsNone ? null : new NodeRow
        {
            Name = node.Name,
            IPv4 = ipv4,
            IPv6 = ipv6,
            RouterAddresses = node.Addresses.Where(address => address.Type == NodeAddress.CiliumInternalIP)
                .Select(address => address.Address).ToEquatableArray(),
            PodPrefixes = node.AllPodCidrs.ToEquatableArray(),
        };
    }

    private NodeRow? Derive(CiliumNodeRow node) => shared is null ? RowOf(node) : shared.Of(node, RowOf);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Kubernetes.CiliumNodes.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        using var nodes = tables.Kubernetes.CiliumNodes.Subscribe();
        var wakeup = new Wakeup(time, nodes.WaitAsync);
        while (true)
        {
            var changes = nodes.Drain();
            tables.Store.Write(transaction =>
            {
                foreach (var change in changes)
                {
                    if (change.Key == options.NodeName || change.Current is not { } node || Derive(node) is not { } row)
                    {
                        transaction.Delete(tables.Datapath.Nodes, change.Key);
                    }
                    else
                    {
                        transaction.Upsert(tables.Datapath.Nodes, row);
                    }
                }
            });
            tables.Datapath.Nodes.CompleteInitializer(AgentInitializers.Nodes);
            await wakeup.WaitAsync(null, cancellationToken).ConfigureAwait(false);
        }
    }
}
