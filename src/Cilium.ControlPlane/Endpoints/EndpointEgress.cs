using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath.Endpoints;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>How pods of this node leave it, where that depends on who gave them their addresses: by which interface, and whether with their own address.</summary>
internal sealed class EndpointEgress(AgentTables tables, AgentOptions options)
{
    /// <summary>True when it depends on this node's CiliumNode and on pools at all.</summary>
    public bool IsFollowed => options.Ipam is "eni" or "multi-pool";

    /// <summary>True when one of these changes may be about pods of this node.</summary>
    public bool MayChangeBy(IEnumerable<TableChange<string, CiliumNodeRow>> nodes, IReadOnlyCollection<TableChange<string, PodIPPoolRow>> pools) =>
        IsFollowed && (pools.Count > 0 || nodes.Any(change => change.Key == options.NodeName));

    /// <summary>Completes an endpoint's row. What is not told (any more) is kept: the objects may have been deleted and come again.</summary>
    public EndpointRow Complete(EndpointRow row, EndpointRow? present) => options.Ipam switch
    {
        "eni" => row with { Uplink = UplinkOf(row.IPv4) ?? (present?.IPv4 == row.IPv4 ? present.Uplink : null) },
        "multi-pool" => row with
        {
            SkipsIPv4Masquerade = SkipsMasquerade(row.IPv4) ?? (present?.IPv4 == row.IPv4 && present.SkipsIPv4Masquerade),
            SkipsIPv6Masquerade = SkipsMasquerade(row.IPv6) ?? (present?.IPv6 == row.IPv6 && present.SkipsIPv6Masquerade),
        },
        _ => row,
    };

    private PodUplink? UplinkOf(IpAddr address) =>
        tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own) ? PodUplinkRows.Of(own, address, options.Datapath.EnableIPv4Masquerade) : null;

    private bool? SkipsMasquerade(IpAddr address)
    {
        if (address.IsNone || !tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own)
            || own.AllocatedPools.FirstOrDefault(held => held.Cidrs.Any(cidr => cidr.Contains(address))) is not { } found
            || !tables.Kubernetes.PodIPPools.TryGet(found.Pool, out var pool))
        {
            return null;
        }

        return pool.SkipsMasquerade;
    }
}
