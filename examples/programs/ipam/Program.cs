// A controller of one's own in memory: pools, two nodes that ask for CIDRs, pods that get addresses, and addresses for services.
using Cilium.Core;
using Cilium.Ipam;

// The operator's side: pools, and who holds which CIDR of them.
var allocator = new MultiPoolAllocator(hasIPv4: true, hasIPv6: false);
allocator.SetPool(new PoolDefinition("default", new PoolFamily([Prefix.Parse("10.10.0.0/16")], MaskSize: 27), IPv6: null), out _);
allocator.SetPool(new PoolDefinition("acme", new PoolFamily([Prefix.Parse("10.20.0.0/16")], MaskSize: 27), IPv6: null), out _);

// A node's side. What it needs and what it holds would travel through your own objects; here they are passed by hand.
var node = new MultiPoolIpam(hasIPv4: true, hasIPv6: false);
Exchange("node-1", node);

// A pod names its pool. Addresses of a pool that the node has none of are pending until the operator has answered.
var request = new AddressRequest("acme-corp/web-1") { IPv4Pool = "acme", Purpose = "pod", Expires = true };
var answer = node.Allocate(request);
Console.WriteLine($"{answer.Status}: {answer.Message}");
Exchange("node-1", node);
answer = node.Allocate(request);

// Whoever made the pod commits its address; without that it is free again after ten minutes.
var lease = answer.IPv4!.Value;
node.Commit(lease.Address, lease.ExpirationId!.Value);
foreach (var pool in node.Pools)
{
    Console.WriteLine($"{pool.Pool}: {pool.Used} of {pool.Capacity} from {string.Join(", ", pool.Ranges)}");
}

// A restart: a new allocator knows nothing until it is told what is in use.
var restarted = new MultiPoolIpam(hasIPv4: true, hasIPv6: false);
restarted.SetAllocated([.. node.Keep()]);
var lost = restarted.Restore(node.Snapshot());
Console.WriteLine($"restored {restarted.Snapshot().Count}, lost {lost.Count}");

// Addresses for services are a function of services and pools: nothing is remembered between two plans.
var web = new LoadBalancerRequest { Namespace = "acme-corp", Name = "web", Labels = new Dictionary<string, string>() };
var services = LoadBalancerPlan.Make(
    [web],
    [new LoadBalancerPool { Name = "public", Blocks = [AddressBlock.OfCidr(Prefix.Parse("192.168.9.0/24"), allowsEnds: false)] }]);
Console.WriteLine(services.Answers[("acme-corp", "web")].Addresses);

// One family from one range, without any pools of CIDRs.
var addresses = new AddressPool(new AddressPoolOptions { Choice = AddressChoice.Lowest, Excluded = [Prefix.Parse("fd00::/124")] }, TimeProvider.System, Random.Shared);
addresses.SetRanges([Prefix.Parse("fd00::/64")]);
Console.WriteLine(addresses.Allocate("me").Address);

void Exchange(string name, MultiPoolIpam ipam)
{
    var decision = allocator.Decide(new NodeHoldings(name, ipam.Keep(), ipam.Demands()));
    ipam.SetAllocated([.. decision.Held]);
    foreach (var error in decision.Errors)
    {
        Console.WriteLine($"{name}: {error}");
    }
}
