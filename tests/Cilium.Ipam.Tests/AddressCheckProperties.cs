using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Ipam.Tests;

/// <summary>Clusters in order have no findings; each fault that is put into one is found; repairs end in order and touch nothing in use.</summary>
public sealed class AddressCheckProperties
{
    [Property(MaxTest = 300)]
    public void Faults_are_found_and_repairs_harm_nobody(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var cluster = InOrder(random);
        Assert.Empty(AddressCheck.Find(cluster));

        var faults = new HashSet<AddressFault>();
        for (var i = random.Next(1, 5); i > 0; i--)
        {
            cluster = Break(cluster, random, faults);
        }

        var findings = AddressCheck.Find(cluster);
        Assert.Superset(faults, findings.Select(finding => finding.Fault).ToHashSet());

        // Repairs one after the other, each over what is there, until none is left to make.
        for (var round = 0; round < 20 && findings.Any(finding => finding.Repair != AddressRepair.None); round++)
        {
            var finding = findings.First(finding => finding.Repair != AddressRepair.None);
            AssertHarmless(cluster, finding);
            cluster = Repair(cluster, finding);
            findings = AddressCheck.Find(cluster);
        }

        Assert.DoesNotContain(findings, finding => finding.Repair != AddressRepair.None);
        Assert.DoesNotContain(findings, finding => finding.Fault == AddressFault.LeakedAddress);
    }

    private static void AssertHarmless(ClusterAddresses cluster, AddressFinding finding)
    {
        switch (finding.Repair)
        {
            case AddressRepair.DeleteEndpoint:
                Assert.DoesNotContain(cluster.Pods, pod => pod.Owner == finding.Holder);
                break;
            case AddressRepair.RemoveCidr:
                Assert.DoesNotContain(cluster.Pods, pod => pod.Node == finding.Holder && pod.Addresses.Any(finding.Cidr.Contains));
                break;
            default:
                Assert.DoesNotContain(cluster.Pods, pod => pod.Node == finding.Holder && pod.HoldsAddresses);
                break;
        }
    }

    private static ClusterAddresses Repair(ClusterAddresses cluster, AddressFinding finding) => finding.Repair switch
    {
        AddressRepair.DeleteEndpoint => cluster with { Endpoints = [.. cluster.Endpoints.Where(endpoint => endpoint.Owner != finding.Holder)] },
        AddressRepair.DeleteNode => cluster with { Nodes = [.. cluster.Nodes.Where(node => node.Name != finding.Holder)] },
        _ => cluster with
        {
            Nodes = [.. cluster.Nodes.Select(node => node.Name != finding.Holder ? node : node with
            {
                Held = [.. node.Held.Select(held => held with { Cidrs = held.Cidrs.Where(cidr => cidr != finding.Cidr).ToEquatableArray() })],
            })],
        },
    };

    /// <summary>A cluster as allocators make it.</summary>
    private static ClusterAddresses InOrder(Random random)
    {
        var pool = new PoolDefinition("default", new PoolFamily([Prefix.Parse("10.0.0.0/22")], 28), null);
        var cuts = new CidrPool(pool.IPv4!.Cidrs, pool.IPv4.MaskSize);
        var (nodes, pods, endpoints) = (new List<NodeAddressing>(), new List<PodAddressing>(), new List<EndpointAddressing>());
        for (var n = random.Next(2, 6); n > 0; n--)
        {
            var ipam = new NodeIpam(true, false, random: random);
            var cidrs = Enumerable.Range(0, random.Next(1, 4)).Select(_ => cuts.Allocate().Cidr).ToEquatableArray();
            ipam.SetPodCidrs(cidrs);
            var router = ipam.Allocate(AddressOwners.Router).IPv4!.Value.Address;
            nodes.Add(new NodeAddressing($"n{n}") { Held = [new PoolCidrs("default", cidrs)], Own = new Dictionary<IpAddr, string> { [router] = AddressOwners.Router } });
            for (var p = random.Next(8); p > 0; p--)
            {
                var owner = $"default/p{n}-{p}";
                var address = ipam.Allocate(owner).IPv4!.Value.Address;
                var isKnown = random.Next(4) > 0;
                pods.Add(new PodAddressing(owner, $"n{n}", isKnown ? [address] : Array.Empty<IpAddr>()));
                endpoints.Add(new EndpointAddressing(owner, [address]));
            }
        }

        return new ClusterAddresses { Mode = "multi-pool", Nodes = nodes, Pods = pods, Endpoints = endpoints, Pools = [pool] };
    }

    private static ClusterAddresses Break(ClusterAddresses cluster, Random random, HashSet<AddressFault> faults)
    {
        var (one, other) = (cluster.Nodes[0], cluster.Nodes[^1]);
        switch (random.Next(5))
        {
            case 0:
                faults.Add(AddressFault.LeakedAddress);
                return cluster with { Endpoints = [.. cluster.Endpoints, new EndpointAddressing($"default/gone-{random.Next()}", [IpAddr.Parse("10.0.0.1")])] };
            case 1:
                faults.Add(AddressFault.SharedAddress);
                return cluster with { Pods = [.. cluster.Pods, new PodAddressing($"default/twin-{random.Next()}", one.Name, [one.Own.Keys.First()])] };
            case 2:
                faults.Add(AddressFault.ForeignAddress);
                return cluster with { Pods = [.. cluster.Pods, new PodAddressing($"default/far-{random.Next()}", one.Name, [IpAddr.Parse("192.168.0.1").Add((uint)random.Next(1 << 16))])] };
            case 3 when one.Held.Count == 1 && one.Held[0].Cidrs.Count > 0:
                faults.Add(AddressFault.SharedCidr);
                return cluster with { Nodes = [.. cluster.Nodes.SkipLast(1), other with { Held = [.. other.Held, new PoolCidrs("default", [one.Held[0].Cidrs[0]])] }] };
            default:
                faults.Add(AddressFault.ForeignCidr);
                return cluster with { Nodes = [.. cluster.Nodes.Skip(1).Prepend(one with { Held = [.. one.Held, new PoolCidrs("default", [new Prefix(IpAddr.Parse("172.16.0.0").Add((uint)random.Next(1 << 16) << 4), 28)])] })] };
        }
    }
}
