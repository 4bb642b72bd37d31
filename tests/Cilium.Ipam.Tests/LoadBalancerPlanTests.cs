using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Ipam.Tests;

public sealed class LoadBalancerPlanTests
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_walk_of_pools()
    {
        var httpd = Service("httpd", 1);
        Assert.Equal(LoadBalancerReasons.NoPool, Answer(httpd, []).Reason);
        httpd = httpd with { Current = Answer(httpd, Pool("lb-pool", 2, "172.16.0.0/24")).Addresses };
        Assert.Equal("[172.16.0.0]", httpd.Current.ToString());
        httpd = httpd with { Current = Answer(httpd, Pool("lb-pool", 2, "172.16.0.1-172.16.0.254")).Addresses };
        Assert.Equal("[172.16.0.1]", httpd.Current.ToString());
        var withoutEnds = EquatableArray.Create([AddressBlock.OfCidr(Prefix.Parse("192.168.9.0/24"), false), AddressBlock.OfCidr(Prefix.Parse("10.234.9.0/24"), false)]);
        httpd = httpd with { Current = Answer(httpd, new LoadBalancerPool { Name = "lb-pool", Blocks = withoutEnds }).Addresses };
        Assert.Equal("[192.168.9.1]", httpd.Current.ToString());
    }

    [Theory]
    [InlineData("10.0.0.0/31", 2)]
    [InlineData("10.0.0.0/32", 1)]
    [InlineData("10.0.0.0/30", 2)]
    [InlineData("fd00::/127", 2)]
    [InlineData("fd00::/126", 2)]
    public void First_and_last_are_left_out_except_in_tiny_cidrs(string cidr, int expected) =>
        Assert.Equal((UInt128)expected, AddressBlock.OfCidr(Prefix.Parse(cidr), allowsEnds: false).Count);

    [Fact]
    public void A_pool_serves_the_services_it_selects()
    {
        var pool = Pool("production", 1, "100.16.38.0/24") with { Selector = ObjectSelector.Of([KeyValuePair.Create("environment", "production")]) };
        var labelled = Service("a", 2) with { Labels = new Dictionary<string, string> { ["environment"] = "production" } };
        var plan = LoadBalancerPlan.Make([labelled, Service("b", 1), Service("c", 3) with { Requested = [IpAddr.Parse("100.16.38.9")] }], [pool]);
        Assert.Equal("[100.16.38.0]", plan.Answers[("ns", "a")].Addresses.ToString());
        Assert.Equal(LoadBalancerReasons.NoPool, plan.Answers[("ns", "b")].Reason);
        Assert.Equal(LoadBalancerReasons.PoolSelectorMismatch, plan.Answers[("ns", "c")].Reason);
        Assert.Equal(new LoadBalancerPoolState("production", 256, 1, ""), Assert.Single(plan.Pools));
    }

    [Fact]
    public void A_disabled_pool_gives_nothing_and_takes_nothing()
    {
        var pool = Pool("p", 1, "10.0.0.0/24") with { IsDisabled = true };
        Assert.Equal("[10.0.0.7]", Answer(Service("a", 1) with { Current = [IpAddr.Parse("10.0.0.7")] }, pool).Addresses.ToString());
        Assert.Equal(LoadBalancerReasons.NoPool, Answer(Service("b", 1), pool).Reason);
    }

    [Fact]
    public void Of_two_pools_that_overlap_the_younger_is_in_conflict()
    {
        var plan = LoadBalancerPlan.Make([], [Pool("young", 2, "10.0.0.128/25"), Pool("old", 1, "10.0.0.0/24"), Pool("self", 3, "10.1.0.0/24", "10.1.0.8/32"), Pool("third", 4, "10.0.1.0/24")]);
        Assert.Equal(["", "young", "self", ""], plan.Pools.Select(pool => pool.Conflict.Length == 0 ? "" : pool.Name));
    }

    [Fact]
    public void Exhaustion_is_told_and_the_youngest_waits()
    {
        var services = Enumerable.Range(0, 3).Select(i => Service($"s{i}", i)).ToList();
        var plan = LoadBalancerPlan.Make(services, [Pool("p", 1, "10.0.0.0/31")]);
        Assert.Equal(LoadBalancerReasons.OutOfIPs, plan.Answers[("ns", "s2")].Reason);
        Assert.True(plan.Answers[("ns", "s1")].IsSatisfied);
    }

    [Theory]
    [InlineData("key", "key", 80, 81, "ns", "ns", "", true)]
    [InlineData("key", "key", 80, 80, "ns", "ns", "", false)]
    [InlineData("key", "other", 80, 81, "ns", "ns", "", false)]
    [InlineData("", "", 80, 81, "ns", "ns", "", false)]
    [InlineData("key", "key", 80, 81, "ns", "os", "", false)]
    [InlineData("key", "key", 80, 81, "ns", "os", "*", true)]
    [InlineData("key", "key", 80, 81, "ns", "os", "ns os", true)]
    public void Services_share_an_address_only_as_far_as_they_agree(string keyA, string keyB, int portA, int portB, string nsA, string nsB, string sharing, bool isShared)
    {
        var a = Service("a", 1) with { Namespace = nsA, SharingKey = keyA, Ports = [(L4Protocol.Tcp, (ushort)portA)], SharingNamespaces = sharing.Split(' ').ToEquatableArray() };
        var b = Service("b", 2) with { Namespace = nsB, SharingKey = keyB, Ports = [(L4Protocol.Tcp, (ushort)portB)], SharingNamespaces = sharing.Split(' ').ToEquatableArray() };
        var plan = LoadBalancerPlan.Make([a, b], [Pool("p", 1, "10.0.0.0/24")]);
        Assert.Equal(isShared, plan.Answers[(nsA, "a")].Addresses == plan.Answers[(nsB, "b")].Addresses);
        Assert.Equal((UInt128)(isShared ? 1 : 2), plan.Pools[0].Used);
    }

    [Fact]
    public void A_local_traffic_policy_shares_only_with_the_same_backends()
    {
        var a = Service("a", 1) with { SharingKey = "k", IsExternalTrafficLocal = true, Backends = "app=a", Ports = [(L4Protocol.Tcp, 80)] };
        Assert.True(a.CanShareWith(a with { Name = "b", Ports = [(L4Protocol.Udp, 80)] }));
        Assert.False(a.CanShareWith(a with { Name = "b", Ports = [(L4Protocol.Udp, 80)], Backends = "app=b" }));
        Assert.False(a.CanShareWith(a with { Name = "b", Ports = [(L4Protocol.Udp, 80)], IsExternalTrafficLocal = false }));
    }

    [Fact]
    public void A_requested_address_is_given_or_its_lack_is_explained()
    {
        var pool = Pool("p", 1, "10.0.0.0/24");
        var first = Service("a", 1) with { Requested = [IpAddr.Parse("10.0.0.9")] };
        var plan = LoadBalancerPlan.Make([first, first with { Name = "b", CreatedAt = s_start.AddDays(1) }, first with { Name = "c", Requested = [IpAddr.Parse("10.9.0.1")] }], [pool]);
        Assert.Equal("[10.0.0.9]", plan.Answers[("ns", "a")].Addresses.ToString());
        Assert.Equal(LoadBalancerReasons.AlreadyAllocated, plan.Answers[("ns", "b")].Reason);
        Assert.Equal(LoadBalancerReasons.NoPool, plan.Answers[("ns", "c")].Reason);
    }

    [Fact]
    public void Two_families_are_given_both_or_what_there_is()
    {
        var pool = Pool("p", 1, "10.0.0.0/24");
        var dual = Service("a", 1) with { WantsIPv6 = true };
        Assert.Equal(LoadBalancerReasons.OutOfIPs, Answer(dual, pool).Reason);
        Assert.True(Answer(dual with { IsPartialFine = true }, pool).IsSatisfied);
        var both = LoadBalancerPlan.Make([dual], [pool, Pool("q", 2, "fd00::/120")]).Answers[("ns", "a")];
        Assert.Equal("[10.0.0.0, fd00::]", both.Addresses.ToString());
    }

    /// <summary>
    /// Services and pools seen one after the other, each kind by age, with every step written down, end as when all are seen at once. Not so
    /// services that share: with whom depends on who was served when.
    /// </summary>
    [Property(MaxTest = 300)]
    public void The_assignment_is_the_same_from_any_order_of_events(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var (services, pools) = RandomCluster(random, share: false);
        var once = LoadBalancerPlan.Make(Shuffled(services, random), Shuffled(pools, random));

        var seen = new List<LoadBalancerRequest>();
        var (nextService, nextPool) = (0, 0);
        while (nextService < services.Count || nextPool < pools.Count)
        {
            if (nextPool == pools.Count || (nextService < services.Count && random.Next(2) == 0))
            {
                seen.Add(services[nextService++]);
            }
            else
            {
                nextPool++;
            }

            var step = LoadBalancerPlan.Make(Shuffled(seen, random), Shuffled(pools.Take(nextPool), random));
            seen = seen.ConvertAll(service => service with { Current = step.Answers[(service.Namespace, service.Name)].Addresses });
        }

        Assert.All(seen, service => Assert.Equal(once.Answers[(service.Namespace, service.Name)].Addresses, service.Current));
    }

    [Property(MaxTest = 300)]
    public void Nobody_loses_an_address_and_none_is_given_twice(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var (services, pools) = RandomCluster(random, share: true);
        var present = services;
        for (var step = 0; step < 12; step++)
        {
            var plan = LoadBalancerPlan.Make(Shuffled(present, random), pools);
            foreach (var service in present)
            {
                var answer = plan.Answers[(service.Namespace, service.Name)];
                Assert.All(service.Current, address => Assert.Contains(address, answer.Addresses));
                Assert.All(answer.Addresses, address => Assert.Contains(pools, pool => pool.Blocks.Any(block => block.Contains(address)) && (pool.Selector?.Matches(service.Labels) ?? true)));
                if (answer.Reason == LoadBalancerReasons.OutOfIPs)
                {
                    var held = plan.Answers.Values.SelectMany(other => other.Addresses).ToHashSet();
                    var mine = plan.Pools.Where(pool => pool.Conflict.Length == 0).Select(state => pools.Single(pool => pool.Name == state.Name))
                        .Where(pool => pool.Selector?.Matches(service.Labels) ?? true).SelectMany(pool => pool.Blocks);
                    Assert.All(mine.SelectMany(block => Enumerable.Range(0, (int)block.Count).Select(i => block.First.Add((UInt128)i))), address => Assert.Contains(address, held));
                }
            }

            var holders = present.SelectMany(service => plan.Answers[(service.Namespace, service.Name)].Addresses.Select(address => (address, service))).ToLookup(pair => pair.address, pair => pair.service);
            foreach (var sharing in holders.Select(group => group.ToList()))
            {
                Assert.All(sharing, one => Assert.All(sharing.Where(other => other != one), other => Assert.True(one.CanShareWith(other))));
            }

            // Some go, the others are written down and seen again by whoever leads next.
            present = present.ConvertAll(service => service with { Current = plan.Answers[(service.Namespace, service.Name)].Addresses });
            present.RemoveAll(_ => random.Next(5) == 0);
            present.AddRange(services.Where(service => random.Next(4) == 0 && !present.Exists(other => other.Name == service.Name)));
        }
    }

    private static (List<LoadBalancerRequest> Services, List<LoadBalancerPool> Pools) RandomCluster(Random random, bool share)
    {
        var blocks = new[] { "10.0.0.0/30", "10.0.0.2/31", "10.0.1.0/29", "10.0.2.0/31", "10.0.1.4/30", "10.0.3.0/30" };
        var pools = Enumerable.Range(0, random.Next(1, 5)).Select(i => Pool($"p{i}", i, blocks[random.Next(blocks.Length)]) with
        {
            Selector = random.Next(3) == 0 ? ObjectSelector.Of([KeyValuePair.Create("tier", random.Next(2) == 0 ? "a" : "b")]) : null,
        }).ToList();
        var services = Enumerable.Range(0, random.Next(1, 12)).Select(i => Service($"s{i}", i / 2) with
        {
            SharingKey = share && random.Next(3) == 0 ? "k" : "",
            Ports = [(L4Protocol.Tcp, (ushort)random.Next(1, 4))],
            Requested = random.Next(5) == 0 ? [IpAddr.Parse("10.0.0.0").Add((UInt128)(random.Next(4) + (256 * random.Next(4))))] : [],
        }).Select((service, i) => service with { Labels = new Dictionary<string, string> { ["tier"] = i % 2 == 0 ? "a" : "b" } }).ToList();
        return (services, pools);
    }

    private static LoadBalancerAnswer Answer(LoadBalancerRequest service, params IReadOnlyList<LoadBalancerPool> pools) =>
        LoadBalancerPlan.Make([service], pools).Answers[(service.Namespace, service.Name)];

    private static LoadBalancerRequest Service(string name, int age) => new() { Namespace = "ns", Name = name, CreatedAt = s_start.AddMinutes(age), Labels = new Dictionary<string, string>() };

    private static LoadBalancerPool Pool(string name, int age, params IReadOnlyList<string> blocks) => new()
    {
        Name = name,
        CreatedAt = s_start.AddMinutes(age),
        Blocks = blocks.Select(text => text.Split('-') is [var first, var last]
            ? new AddressBlock(IpAddr.Parse(first), IpAddr.Parse(last))
            : AddressBlock.OfCidr(Prefix.Parse(text), allowsEnds: true)).ToEquatableArray(),
    };

    private static List<T> Shuffled<T>(IEnumerable<T> items, Random random)
    {
        var array = items.ToArray();
        random.Shuffle(array);
        return [.. array];
    }
}
