using Cilium.ControlPlane.Operator;
using Cilium.Core;
using Cilium.Ipam;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.ControlPlane.Tests.Operator;

/// <summary>What <c>cilium ipam apply</c> writes is configuration of the operator, which must not refuse it.</summary>
public sealed class PlannedPoolProperties
{
    private static readonly Prefix[] s_cidrs =
    [
        .. "10.0.0.0/14 10.0.0.0/15 10.2.0.0/15 10.0.0.0/16 10.1.0.0/16 10.2.0.0/16 10.3.0.0/16 10.0.0.0/17 10.0.128.0/17 10.1.0.0/17 10.9.0.0/16".Split(' ').Select(Prefix.Parse),
    ];

    [Property(MaxTest = 300)]
    public void The_operator_takes_every_plan_without_problems(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var cluster = new ClusterAddresses
        {
            Mode = "cluster-pool",
            Nodes = [new NodeAddressing("a")],
            Pools = [new PoolDefinition("default", new PoolFamily([Prefix.Parse("10.0.0.0/16")], 24), null)],
        };
        for (var step = 0; step < 12; step++)
        {
            var pool = cluster.Pools[0];
            var add = random.GetItems(s_cidrs, random.Next(3)).Distinct().ToList();
            var drain = pool.IPv4!.Cidrs.Where(_ => random.Next(2) == 0).ToList();
            var plan = PoolPlanner.Plan(cluster, new PoolChange("default", add, drain));
            if (plan.Problems.Count > 0)
            {
                continue;
            }

            var errors = new List<string>();
            var options = new OperatorOptions { EnableIPv6 = false, ClusterPoolIPv4Cidrs = [.. plan.After!.IPv4!.Cidrs], ClusterPoolIPv4DrainedCidrs = plan.Drained, ClusterPoolIPv4MaskSize = 24 };
            OperatorOptionKeys.Check(options, errors);
            Assert.Empty(errors);
            cluster = cluster with { Pools = [plan.After], DrainedCidrs = plan.Drained };
        }
    }
}
