using Cilium.Aws.Tests.Ec2;
using Cilium.ControlPlane.Operator;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Aws.Tests;

/// <summary>Any load of pods, refusals of the cloud and restarts of the operator: no address has two owners, and what nodes need they have in the end.</summary>
public sealed class InterfaceLoopProperties
{
    private static readonly string[] s_nodes = ["n0", "n1", "n2"];

    [Property(MaxTest = 25)]
    public void Addresses_are_owned_once_within_limits_and_needs_are_met_when_faults_end(DoNotSize<int> any) => RunAsync(any.Item).GetAwaiter().GetResult();

    private static async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        var model = Scenes.Model(length: 26);
        for (var i = 0; i < s_nodes.Length; i++) Scenes.Start(model, i, random.Next(4) == 0 ? "t2.small" : "m5.large");
        await using var endpoint = await new Ec2Endpoint(model, pageSize: 2).StartAsync();
        var options = new InterfaceOptions { PrefersPrefixes = random.Next(2) == 0, ReleasesExcess = random.Next(2) == 0, ReleaseDelay = TimeSpan.FromMinutes(3) };
        var watermarks = new AddressWatermarks { PreAllocate = random.Next(1, 9), MaxAboveWatermark = random.Next(3) };
        var settings = new NodeInstance { FirstInterfaceIndex = random.Next(2), SecurityGroupTags = random.Next(2) == 0 ? StringMap.Empty : StringMap.Create([new("for", "pods")]) };
        using var cluster = new InterfaceCluster(endpoint, options, s_nodes, watermarks, settings);
        var faults = new Random(seed + 1);
        endpoint.Before = call => Fail(faults, 5);
        endpoint.After = call => Fail(faults, 20);
        var pods = s_nodes.ToDictionary(node => node, _ => new List<IpAddr>());
        for (var step = 0; step < 80; step++)
        {
            var node = s_nodes[random.Next(s_nodes.Length)];
            switch (random.Next(8))
            {
                case 0 or 1 when cluster.Agents[node].Allocate(new AddressRequest($"ns/{step}")) is { IPv4: { } lease }:
                    Assert.Contains(lease.Address, cluster.InCloud(node));
                    pods[node].Add(lease.Address);
                    break;
                case 2 when pods[node].Count > 0:
                    var gone = pods[node][random.Next(pods[node].Count)];
                    Assert.True(pods[node].Remove(gone) && cluster.Agents[node].Release(gone));
                    break;
                case 3:
                    await cluster.ListAsync(node);
                    break;
                case 4:
                    cluster.Clock.Advance(TimeSpan.FromSeconds(random.Next(120)));
                    break;
                case 5 when random.Next(4) == 0:
                    cluster.RestartOperator();
                    break;
                default:
                    await cluster.OperateAsync(node);
                    break;
            }

            Check(cluster, model, pods);
        }

        // The faults end: what the limits and the subnets leave is there.
        (endpoint.Before, endpoint.After) = (null, null);
        await cluster.SettleAsync();
        Check(cluster, model, pods);
        foreach (var node in s_nodes)
        {
            var row = cluster.Row(node);
            var have = cluster.InCloud(node);
            Assert.Equal([.. row.PoolAddresses.Keys.Order(StringComparer.Ordinal)], Usable(model, node, settings).Select(address => address.ToString()).Order(StringComparer.Ordinal));
            Assert.Equal(watermarks.Needed(row.PoolAddresses.Count, pods[node].Count) == 0, row.OperatorError.Length == 0);
            Assert.Empty(row.ReleaseAddresses);
            if (row.OperatorError.Length > 0) Assert.Contains("addresses are missing", row.OperatorError, StringComparison.Ordinal);
            Assert.All(pods[node], address => Assert.Contains(address, have));
        }
    }

    private static IEnumerable<IpAddr> Usable(Ec2Model model, string node, NodeInstance settings) => model.Read(all => all
        .Where(one => one.Instance == $"i-{node[1..]}" && one.Index >= settings.FirstInterfaceIndex).SelectMany(one => one.PodAddresses).ToList());

    private static void Check(InterfaceCluster cluster, Ec2Model model, Dictionary<string, List<IpAddr>> pods)
    {
        // No address twice, in the cloud, and among pods; and every pod's is its node's.
        Assert.Equal(pods.Values.Sum(list => list.Count), pods.Values.SelectMany(list => list).Distinct().Count());
        var all = model.Read(interfaces => interfaces.SelectMany(one => one.PodAddresses.Prepend(one.Primary)).ToList());
        Assert.Equal(all.Count, all.Distinct().Count());
        foreach (var (node, addresses) in pods)
        {
            Assert.Subset(cluster.InCloud(node), addresses.ToHashSet());
        }

        // Within the limits of the instances.
        model.Read(interfaces =>
        {
            foreach (var group in interfaces.Where(one => one.Instance.Length > 0).GroupBy(one => one.Instance))
            {
                var type = model.Types[model.Instances[group.Key].Type];
                Assert.InRange(group.Count(), 1, type.Interfaces);
                Assert.All(group, one => Assert.InRange(1 + one.Addresses.Count + one.Prefixes.Count, 1, type.Addresses));
            }

            return true;
        });
    }

    private static void Fail(Random random, int oneIn)
    {
        int choice;
        lock (random) choice = random.Next(oneIn * 4);
        switch (choice)
        {
            case 0: throw Ec2Fault.Throttled();
            case 1: throw Ec2Fault.Broken();
            case 2: throw new Ec2Fault("InsufficientFreeAddressesInSubnet", "none left");
            case 3: throw new Ec2Fault("AttachmentLimitExceeded", "full");
            default: break;
        }
    }
}
