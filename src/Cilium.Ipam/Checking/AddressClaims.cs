using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>A CIDR that a node holds of a pool.</summary>
internal sealed record CidrHolding(NodeAddressing Node, string Pool, Prefix Cidr);

/// <summary>Somebody who has an address now.</summary>
/// <param name="Address">The address.</param>
/// <param name="Owner">Who.</param>
/// <param name="Node">The node where; empty when unknown.</param>
/// <param name="IsEnding">True for a pod that is going: the address may be another's already, or still be used.</param>
internal readonly record struct AddressClaim(IpAddr Address, string Owner, string Node, bool IsEnding);

/// <summary>Who has which address: pods, endpoints that live, and nodes themselves, each owner once per address.</summary>
internal sealed class AddressClaims
{
    private readonly Dictionary<IpAddr, List<AddressClaim>> _byAddress = [];
    private readonly SortedSet<IpAddr> _sorted = [];

    /// <summary>The claims that must be right now; those of pods that are going are left out.</summary>
    public IEnumerable<AddressClaim> Firm => _byAddress.Values.SelectMany(claims => claims).Where(claim => !claim.IsEnding);

    /// <summary>The addresses with more than one firm claim.</summary>
    public IEnumerable<(IpAddr Address, IReadOnlyList<AddressClaim> Holders)> Shared => _byAddress
        .Select(pair => (pair.Key, Holders: (IReadOnlyList<AddressClaim>)pair.Value.FindAll(claim => !claim.IsEnding)))
        .Where(pair => pair.Holders.Count > 1);

    public static AddressClaims Of(ClusterAddresses cluster)
    {
        var claims = new AddressClaims();
        foreach (var node in cluster.Nodes.Where(node => node.HasNode))
        {
            foreach (var (address, owner) in node.Own)
            {
                claims.Add(new AddressClaim(address, $"{owner} of {node.Name}", node.Name, IsEnding: false));
            }
        }

        var pods = new Dictionary<string, PodAddressing>();
        foreach (var pod in cluster.Pods)
        {
            pods[pod.Owner] = pod;
            foreach (var address in pod.Addresses)
            {
                claims.Add(new AddressClaim(address, pod.Owner, pod.Node, !pod.HoldsAddresses));
            }
        }

        // An endpoint is there before its pod's status shows the address.
        foreach (var endpoint in cluster.Endpoints)
        {
            if (pods.TryGetValue(endpoint.Owner, out var pod) && pod.Addresses.Count == 0)
            {
                foreach (var address in endpoint.Addresses)
                {
                    claims.Add(new AddressClaim(address, pod.Owner, pod.Node, !pod.HoldsAddresses));
                }
            }
        }

        return claims;
    }

    /// <summary>How many addresses of a CIDR are in use by its holder's pods or the holder itself.</summary>
    public int Count(CidrHolding holding) => InUse(holding).Select(claim => claim.Address).Distinct().Count();

    public bool IsInUse(CidrHolding holding) => InUse(holding).Any();

    public IEnumerable<AddressClaim> InUse(CidrHolding holding) => _sorted.Count == 0
        ? []
        : _sorted.GetViewBetween(holding.Cidr.Address, holding.Cidr.LastAddress).SelectMany(address => _byAddress[address]).Where(claim => claim.Node == holding.Node.Name);

    private void Add(AddressClaim claim)
    {
        if (!_byAddress.TryGetValue(claim.Address, out var claims))
        {
            _byAddress.Add(claim.Address, claims = []);
            _sorted.Add(claim.Address);
        }

        if (!claims.Exists(other => other.Owner == claim.Owner))
        {
            claims.Add(claim);
        }
    }
}
