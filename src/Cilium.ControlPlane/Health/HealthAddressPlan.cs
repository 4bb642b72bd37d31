using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.ControlPlane.Health;

/// <summary>Takes the addresses of the health endpoint, the former ones if they are still to be had, so that other nodes need not learn new ones.</summary>
/// <remarks>The writer of <see cref="AgentTables.HealthAddresses"/>. A node without enough addresses has no health endpoint; its pods come first.</remarks>
internal sealed class HealthAddressPlan(AgentTables tables, AgentOptions options, INodeIpam ipam)
{
    /// <summary>Takes the addresses; null, with the reason, when a family has none left. Call after endpoints are restored and the router has its own.</summary>
    public HealthAddressRow? Take(out string refusal)
    {
        refusal = "";
        var ipv4 = ipam.HasIPv4 ? Take(isIPv4: true, ref refusal) : IpAddr.None;
        var ipv6 = ipam.HasIPv6 && refusal.Length == 0 ? Take(isIPv4: false, ref refusal) : IpAddr.None;
        if (refusal.Length > 0)
        {
            ipam.ReleaseAllOf(AddressOwners.Health);
            tables.Store.Write(transaction => transaction.Delete(tables.HealthAddresses, options.NodeName));
            return null;
        }

        var row = new HealthAddressRow(options.NodeName, ipv4, ipv6);
        tables.Store.Write(transaction => transaction.Upsert(tables.HealthAddresses, row));
        return row;
    }

    private IpAddr Take(bool isIPv4, ref string refusal)
    {
        foreach (var former in Former().Where(address => address.IsIPv4 == isIPv4))
        {
            if (ipam.Allocate(former, AddressOwners.Health, purpose: AddressOwners.Health).IsOk)
            {
                return former;
            }
        }

        var result = ipam.Allocate(new AddressRequest(AddressOwners.Health) { Purpose = AddressOwners.Health, WantsIPv4 = isIPv4, WantsIPv6 = !isIPv4 });
        if ((isIPv4 ? result.IPv4 : result.IPv6) is { } lease)
        {
            return lease.Address;
        }

        refusal = result.Message;
        return IpAddr.None;
    }

    private IEnumerable<IpAddr> Former()
    {
        var last = tables.HealthAddresses.TryGet(options.NodeName, out var row) ? row.Addresses() : [];
        var told = tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var own) ? own.HealthIPs : default;
        return last.Concat(told).Where(address => !address.IsNone);
    }
}
