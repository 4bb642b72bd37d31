using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Ipam.Tests;

public sealed class InterfacePlannerTests
{
    private static readonly InstanceLimits s_m5Large = new(3, 10, HasPrefixes: true);
    private static readonly Dictionary<string, string> s_none = [];

    [Theory]
    [InlineData(8, 0, 0, 0, 0, 0, 8)]
    [InlineData(8, 0, 0, 0, 10, 5, 3)]
    [InlineData(8, 20, 0, 0, 10, 0, 10)]
    [InlineData(8, 0, 12, 0, 10, 10, 2)]
    [InlineData(8, 0, 0, 0, 30, 5, 0)]
    public void Needs_follow_the_watermarks(int pre, int min, int max, int above, int available, int used, int needed) =>
        Assert.Equal(needed, Marks(pre, min, max, above).Needed(available, used));

    [Theory]
    [InlineData(8, 0, 0, 0, 30, 5, 17)]
    [InlineData(8, 0, 0, 4, 30, 5, 13)]
    [InlineData(8, 20, 0, 0, 30, 5, 10)]
    [InlineData(8, 20, 0, 5, 30, 5, 5)]
    [InlineData(8, 20, 0, 5, 25, 0, 0)]
    [InlineData(8, 0, 0, 0, 10, 5, 0)]
    public void Excess_follows_the_watermarks(int pre, int min, int max, int above, int available, int used, int excess) =>
        Assert.Equal(excess, Marks(pre, min, max, above).Excess(available, used));

    [Property(MaxTest = 500)]
    public void What_is_bought_is_not_too_many_and_what_is_given_back_is_not_missed(byte pre, byte min, byte above, byte spare, byte used)
    {
        var marks = Marks(pre, min, 0, above);
        var available = used + spare;
        Assert.Equal(0, marks.Needed(available + marks.Needed(available, used), used));
        Assert.Equal(0, marks.Excess(available + marks.Needed(available, used), used) * marks.Needed(available, used));
        Assert.True(marks.Needed(available, used) == 0 || marks.Excess(available, used) == 0);
        var less = available - marks.Excess(available, used);
        Assert.True(less >= used);
        Assert.Equal((0, 0), (marks.Excess(less, used), marks.Excess(available, used) > 0 ? marks.Needed(less, used) : 0));
    }

    [Fact]
    public void A_new_node_fills_its_first_interface_before_it_gets_another()
    {
        var plan = InterfacePlanner.Plan(Demand(new NodeInterface("eni-0", 0, "subnet-1")));
        Assert.Equal([new InterfaceAssignment("eni-0", 8, false)], plan.Assignments);
        Assert.Empty(plan.Attachments);
        var full = new NodeInterface("eni-0", 0, "subnet-1") { Addresses = Addresses("10.0.0.1", 9) };
        var next = InterfacePlanner.Plan(Demand(full) with { Used = [.. full.Addresses], FirstSecurityGroups = ["sg-1"] });
        Assert.Empty(next.Assignments);
        Assert.Equal([new InterfaceAttachment("subnet-1", 1, 8, false, ["sg-1"])], next.Attachments);
    }

    [Fact]
    public void Prefixes_raise_the_density_and_single_addresses_do_where_a_subnet_has_no_whole_prefix()
    {
        var eth0 = new NodeInterface("eni-0", 0, "subnet-1");
        Assert.Equal([new InterfaceAssignment("eni-0", 1, true)], InterfacePlanner.Plan(Demand(eth0) with { PrefersPrefixes = true }).Assignments);
        var small = Demand(eth0) with { PrefersPrefixes = true, Subnets = [Subnet("subnet-1", 10)] };
        Assert.Equal([new InterfaceAssignment("eni-0", 8, false)], InterfacePlanner.Plan(small).Assignments);
    }

    [Fact]
    public void Subnets_and_security_groups_are_chosen_by_tags_in_the_nodes_own_zone()
    {
        var pods = new Dictionary<string, string> { ["for"] = "pods" };
        var plan = InterfacePlanner.Plan(Demand() with
        {
            FirstInterfaceIndex = 1,
            Subnets = [Subnet("plain", 500), Subnet("few", 20) with { Tags = pods }, Subnet("many", 200) with { Tags = pods }, Subnet("far", 900) with { Tags = pods, Zone = "b" }],
            SubnetTags = pods,
            SecurityGroups = [new("sg-b", "vpc", pods), new("sg-a", "vpc", pods), new("sg-c", "vpc", s_none), new("sg-d", "other", pods)],
            SecurityGroupTags = pods,
        });
        Assert.Equal([new InterfaceAttachment("many", 1, 8, false, ["sg-a", "sg-b"])], plan.Attachments);
        Assert.Equal("few", InterfacePlanner.Plan(Demand() with { FirstInterfaceIndex = 1, Subnets = [Subnet("few", 20), Subnet("many", 200)], SubnetIds = ["few"] }).Attachments[0].SubnetId);
    }

    [Fact]
    public void What_cannot_be_is_told()
    {
        var node = Demand([.. Enumerable.Range(0, 3).Select(i => new NodeInterface($"eni-{i}", i, "subnet-1") { Addresses = Addresses($"10.0.{i}.1", 9) })]);
        var full = InterfacePlanner.Plan(node with { Used = [.. node.Interfaces.SelectMany(found => found.Addresses)] });
        Assert.Equal((8, "8 addresses are missing: all 3 interfaces of the instance are attached, with 10 addresses each at most"), (full.Missing, full.Problem));
        var dry = InterfacePlanner.Plan(Demand(new NodeInterface("eni-0", 0, "subnet-1")) with { Subnets = [Subnet("subnet-1", 0)] });
        Assert.Equal("8 addresses are missing: no subnet of zone a that may be used has free addresses", dry.Problem);
    }

    [Property(MaxTest = 500)]
    public void Plans_stay_within_all_limits_and_miss_only_what_no_limit_leaves(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var limits = new InstanceLimits(random.Next(1, 6), random.Next(2, 12), random.Next(2) == 0);
        var interfaces = Enumerable.Range(0, random.Next(1, limits.Interfaces + 1)).Select(i => new NodeInterface($"eni-{i}", i, $"s{random.Next(2)}")
        {
            Addresses = Addresses($"10.0.{i}.1", random.Next(limits.AddressesPerInterface)),
        }).ToArray();
        var all = interfaces.SelectMany(found => found.Addresses).ToList();
        var node = Demand(interfaces) with
        {
            Limits = limits,
            PrefersPrefixes = random.Next(2) == 0,
            Subnets = [Subnet("s0", random.Next(60)), Subnet("s1", random.Next(60))],
            Used = all.FindAll(_ => random.Next(2) == 0),
            Watermarks = Marks(random.Next(20), random.Next(20), random.Next(3) == 0 ? random.Next(1, 30) : 0, random.Next(5)),
        };
        var plan = InterfacePlanner.Plan(node);
        var needed = node.Watermarks.Needed(all.Count, node.Used.Count);
        var bought = plan.Assignments.Sum(assignment => assignment.Count * (assignment.ArePrefixes ? 16 : 1)) + plan.Attachments.Sum(attachment => attachment.Count * (attachment.ArePrefixes ? 16 : 1));
        Assert.True(bought + plan.Missing >= needed && (plan.Missing == 0 || bought + plan.Missing == needed));
        Assert.Equal(plan.Missing == 0, plan.Problem.Length == 0);

        // Within the instance, and within the subnets, an address for each new interface included.
        Assert.All(interfaces, found => Assert.InRange(found.Slots + plan.Assignments.Where(step => step.InterfaceId == found.Id).Sum(step => step.Count), 0, limits.AddressesPerInterface - 1));
        Assert.All(plan.Attachments, step => Assert.InRange(step.Count, 1, limits.AddressesPerInterface - 1));
        Assert.True(interfaces.Length + plan.Attachments.Count <= limits.Interfaces);
        Assert.Equal(plan.Attachments.Count, plan.Attachments.Select(step => step.Index).Except(interfaces.Select(found => found.Index)).Count());
        Assert.True(limits.HasPrefixes || !plan.Assignments.Any(step => step.ArePrefixes));
        foreach (var subnet in node.Subnets)
        {
            var taken = plan.Assignments.Where(step => interfaces.First(found => found.Id == step.InterfaceId).SubnetId == subnet.Id).Sum(step => step.Count * (step.ArePrefixes ? 16 : 1))
                + plan.Attachments.Where(step => step.SubnetId == subnet.Id).Sum(step => 1 + (step.Count * (step.ArePrefixes ? 16 : 1)));
            Assert.True(taken <= subnet.FreeAddresses);
        }

        // What it gives back is free, and no more than is too many.
        var back = InterfacePlanner.Releasable(node);
        Assert.True(back.Count <= node.Watermarks.Excess(all.Count, node.Used.Count));
        Assert.DoesNotContain(back, node.Used.Contains);
    }

    [Property(MaxTest = 300)]
    public void No_address_is_taken_from_a_node_that_uses_it(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var clock = new ManualClock();
        var (agent, handshake) = (new ListedIpam(true, false, clock), new ReleaseHandshake(TimeSpan.FromMinutes(3), clock));
        var list = Addresses("10.0.0.1", 12).ToHashSet();
        var (states, pods) = (new Dictionary<IpAddr, string>(), new Dictionary<IpAddr, string>());
        agent.SetAddresses(list, states);
        for (var step = 0; step < 200; step++)
        {
            switch (random.Next(5))
            {
                case 0 when agent.Allocate(new AddressRequest($"ns/{step}")) is { IPv4: { } lease }:
                    // Nothing that was taken away is given, nor anything twice.
                    Assert.Contains(lease.Address, list);
                    pods.Add(lease.Address, lease.Owner);
                    break;
                case 1 when pods.Count > 0:
                    var gone = pods.Keys.ElementAt(random.Next(pods.Count));
                    Assert.True(pods.Remove(gone) && agent.Release(gone));
                    break;
                case 2:
                    Write(agent.SetAddresses(list, new Dictionary<IpAddr, string>(states)));
                    break;
                case 3:
                    // The operator knows what is in use only as of some time ago: here it believes that all is free.
                    var steps = handshake.Next([.. list.Where(_ => random.Next(2) == 0)], new Dictionary<IpAddr, string>(states));
                    Write(steps.States);
                    foreach (var address in steps.Unassign)
                    {
                        Assert.False(pods.ContainsKey(address), $"{address} is in use");
                        list.Remove(address);
                        handshake.Unassigned(address);
                    }

                    break;
                default:
                    clock.Advance(TimeSpan.FromMinutes(1));
                    break;
            }

            Assert.All(pods.Keys, address => Assert.Contains(address, list));
        }

        void Write(IReadOnlyDictionary<IpAddr, string?> changes)
        {
            foreach (var (address, state) in changes)
            {
                if (state is null)
                {
                    states.Remove(address);
                }
                else
                {
                    states[address] = state;
                }
            }
        }
    }

    private static AddressWatermarks Marks(int pre, int min, int max, int above) => new() { PreAllocate = pre, MinAllocate = min, MaxAllocate = max, MaxAboveWatermark = above };

    private static InterfaceSubnet Subnet(string id, int free) => new(id, "vpc", "a", free, s_none);

    private static EquatableArray<IpAddr> Addresses(string first, int count) => Enumerable.Range(0, count).Select(i => IpAddr.Parse(first).Add((UInt128)i)).ToEquatableArray();

    private static InterfaceDemand Demand(params NodeInterface[] interfaces) => new()
    {
        Network = "vpc",
        Zone = "a",
        Limits = s_m5Large,
        Interfaces = interfaces,
        Subnets = [Subnet("subnet-1", 200)],
    };
}
