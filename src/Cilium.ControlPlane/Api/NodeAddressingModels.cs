using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Api;

/// <summary>Nodes in the models' words.</summary>
internal static class NodeAddressingModels
{
    /// <summary>The router addresses of this node, which are the pods' gateways, with its pod ranges.</summary>
    public static NodeAddressing RouterOf(AgentContext agent)
    {
        agent.Tables.LocalNode.TryGet(agent.Options.NodeName, out var self);
        return new NodeAddressing
        {
            Ipv4 = Element(agent.Options.Datapath.EnableIPv4, self?.RouterIPv4 ?? IpAddr.None, self, isIPv4: true),
            Ipv6 = Element(agent.Options.Datapath.EnableIPv6, self?.RouterIPv6 ?? IpAddr.None, self, isIPv4: false),
        };
    }

    /// <summary>All nodes, this one first.</summary>
    public static IReadOnlyList<NodeElement> All(AgentContext agent)
    {
        var nodes = new List<NodeElement>();
        var own = agent.Options.NodeName;
        foreach (var node in agent.Tables.Kubernetes.CiliumNodes.Snapshot().Values.OrderBy(node => node.Name != own).ThenBy(node => node.Name, StringComparer.Ordinal))
        {
            nodes.Add(new NodeElement
            {
                Name = $"{agent.Options.ClusterName}/{node.Name}",
                Source = node.Name == own ? "local" : "custom-resource",
                PrimaryAddress = new NodeAddressing
                {
                    Ipv4 = Element(agent.Options.Datapath.EnableIPv4, node, isIPv4: true),
                    Ipv6 = Element(agent.Options.Datapath.EnableIPv6, node, isIPv4: false),
                },
                SecondaryAddresses =
                [
                    .. node.Addresses.Where(address => address.Type == NodeAddress.CiliumInternalIP).Select(address => new NodeAddressingElement
                    {
                        Enabled = true,
                        Ip = address.Address.ToString(),
                        AddressType = address.Type,
                    }),
                ],
            });
        }

        return nodes;
    }

    private static NodeAddressingElement Element(bool isEnabled, CiliumNodeRow node, bool isIPv4)
    {
        var address = node.AddressOf(NodeAddress.InternalIP, isIPv4);
        return new NodeAddressingElement
        {
            Enabled = isEnabled,
            Ip = address.IsNone ? "" : address.ToString(),
            AllocRange = string.Join(", ", node.AllPodCidrs.Where(prefix => prefix.IsIPv4 == isIPv4)),
            AddressType = NodeAddress.InternalIP,
        };
    }

    private static NodeAddressingElement Element(bool isEnabled, IpAddr router, LocalNodeRow? self, bool isIPv4) => new()
    {
        Enabled = isEnabled && !router.IsNone,
        Ip = router.IsNone ? "" : router.ToString(),
        AllocRange = self is null ? "" : string.Join(", ", self.PodPrefixes.Where(prefix => prefix.IsIPv4 == isIPv4)),
    };
}
