using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Datapath.Endpoints;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Mode <c>eni</c>: by which interface a pod's packets leave, from what the operator tells of this node's interfaces.</summary>
internal static class PodUplinkRows
{
    /// <summary>The uplink of an address; null when no interface of the node has it.</summary>
    /// <remarks>The gateway is the second address of a subnet ("VPC router" in the VPC user guide). Without masquerading, all destinations are reached that way.</remarks>
    public static PodUplink? Of(CiliumNodeRow node, IpAddr address, bool masquerades)
    {
        if (address.IsNone || node.Interfaces.FirstOrDefault(eni => eni.Addresses.Contains(address)) is not { SubnetCidr.Length: > 0 } found)
        {
            return null;
        }

        return new PodUplink(found.Mac, found.SubnetCidr.Address.Add(1), PodUplink.FirstTable + found.Number, masquerades ? found.NetworkCidrs : []);
    }

    /// <summary>Where no native routing CIDR is configured, the primary one of the VPC is it.</summary>
    public static void TakeNativeRange(AgentTables tables, AgentOptions options)
    {
        if (options.Ipam == "eni" && options.Datapath.NativeRoutingPrefixes.Count == 0
            && tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own)
            && own.Interfaces.SelectMany(eni => eni.NetworkCidrs).FirstOrDefault() is { Length: > 0 } primary)
        {
            options.Datapath.NativeRoutingPrefixes = [primary];
        }
    }
}
