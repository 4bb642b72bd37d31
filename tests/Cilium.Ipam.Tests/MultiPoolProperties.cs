using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Ipam.Tests;

/// <summary>An operator and nodes that talk through written objects, with writes that are late, lost or refused, restarts and failovers.</summary>
public sealed class MultiPoolProperties
{
    private static readonly string[] s_names = ["default", "p", "q"];

    [Property(MaxTest = 300)]
    public void Nothing_is_owned_twice_lost_or_outside_its_pool(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var world = new World(random);
        for (var step = 0; step < 250; step++)
        {
            world.Step();
            world.CheckOwnership();
        }

        world.Settle();
        world.CheckOwnership();
        world.CheckDemandsAreMetOrExhausted();
        world.CheckDrainedAreGoneWhenEmpty();
    }

    private sealed class World
    {
        private readonly Random _random;
        private readonly ManualClock _clock = new();
        private readonly Dictionary<string, PoolDefinition> _pools = [];
        private readonly List<Member> _nodes = [];
        private MultiPoolAllocator _operator = new(true, false);
        private int _pods;

        public World(Random random)
        {
            _random = random;
            ChangePool("default");
            ChangePool("p");
            for (var i = 0; i < 3; i++)
            {
                _nodes.Add(new Member($"n{i}", _clock, random.Next(), _pools));
            }
        }

        public void Step()
        {
            var node = _nodes[_random.Next(_nodes.Count)];
            switch (_random.Next(12))
            {
                case 0 or 1 or 2:
                    var pool = s_names[_random.Next(s_names.Length)];
                    var owner = $"ns/{_pods++}";
                    if (node.Ipam.Allocate(new AddressRequest(owner) { IPv4Pool = pool }) is { IPv4: { } lease })
                    {
                        Assert.DoesNotContain(node.Drained, cidr => cidr.Contains(lease.Address));
                        node.Pods.Add(lease.Address, owner);
                    }

                    break;
                case 3 or 4 when node.Pods.Count > 0:
                    var address = node.Pods.ElementAt(_random.Next(node.Pods.Count)).Key;
                    node.Pods.Remove(address);
                    Assert.True(node.Ipam.Release(address));
                    break;
                case 5 or 6:
                    node.Publish();
                    break;
                case 7 or 8:
                    Operate(node, isReliable: false);
                    break;
                case 9:
                    node.Observe();
                    break;
                case 10 when _random.Next(3) == 0:
                    // Failover: a new operator that knows only what is written.
                    _operator = new MultiPoolAllocator(true, false);
                    foreach (var definition in _pools.Values)
                    {
                        _operator.SetPool(definition, out _);
                    }

                    _operator.Restore(_nodes.Select(member => member.Written()));
                    break;
                case 10:
                    node.Restart();
                    break;
                default:
                    if (_random.Next(4) == 0)
                    {
                        ChangePool(s_names[_random.Next(s_names.Length)]);
                    }
                    else if (_random.Next(4) == 0)
                    {
                        _clock.Advance(TimeSpan.FromMinutes(3));
                    }

                    break;
            }
        }

        /// <summary>Everything is written and seen until nothing changes.</summary>
        public void Settle()
        {
            for (var round = 0; round < 10; round++)
            {
                _nodes.ForEach(node => node.Publish());
                // The second time the operator sees what it wrote: only what was seen can be let go.
                _nodes.ForEach(node => Operate(node, isReliable: true));
                _nodes.ForEach(node => Operate(node, isReliable: true));
                _nodes.ForEach(node => node.Observe());
            }
        }

        public void CheckOwnership()
        {
            var all = _nodes.SelectMany(node => node.Object.Held.SelectMany(held => held.Cidrs)).ToList();
            for (var i = 0; i < all.Count; i++)
            {
                Assert.DoesNotContain(all.Take(i), other => other.Overlaps(all[i]));
            }

            Assert.Equal(_nodes.Sum(node => node.Pods.Count), _nodes.SelectMany(node => node.Pods.Keys).Distinct().Count());
            foreach (var node in _nodes)
            {
                Assert.Equal(node.Pods.Keys.Order(), node.Ipam.Snapshot().Select(lease => lease.Address).Order());
                Assert.All(node.Pods.Keys, address => Assert.Contains(node.Object.Held, held => held.Cidrs.Any(cidr => cidr.Contains(address))));
            }
        }

        public void CheckDemandsAreMetOrExhausted()
        {
            var held = _nodes.SelectMany(node => node.Object.Held.SelectMany(pool => pool.Cidrs)).ToList();
            foreach (var node in _nodes)
            {
                foreach (var demand in node.Ipam.Demands())
                {
                    var capacity = node.Object.Held.Where(pool => pool.Pool == demand.Pool).SelectMany(pool => pool.Cidrs).Except(node.Drained).Sum(cidr => (1 << (32 - cidr.Length)) - 2);
                    if (capacity < demand.IPv4 && _pools.TryGetValue(demand.Pool, out var definition))
                    {
                        // Exhausted is true: every block of the pool overlaps something held.
                        var mask = definition.IPv4!.MaskSize;
                        var blocks = definition.IPv4.Cidrs.SelectMany(cidr => Enumerable.Range(0, 1 << (mask - cidr.Length))
                            .Select(i => new Prefix(cidr.Address.Add((UInt128)i << (32 - mask)), mask)));
                        Assert.All(blocks, block => Assert.Contains(held, block.Overlaps));
                    }
                }
            }
        }

        public void CheckDrainedAreGoneWhenEmpty() => Assert.All(
            _nodes, node => Assert.All(node.Drained, cidr => Assert.Contains(node.Pods.Keys, cidr.Contains)));

        private void ChangePool(string name)
        {
            if (_random.Next(6) == 0 && name != "default")
            {
                _pools.Remove(name);
                _operator.RemovePool(name);
                return;
            }

            var mask = 28 + _random.Next(2);
            var cidrs = new[] { "10.0.0.0/26", "10.0.0.64/26", "10.0.1.0/27", "10.0.1.32/27", "10.0.2.0/25" }.Where(_ => _random.Next(2) == 0).DefaultIfEmpty("10.0.0.0/26");
            var definition = new PoolDefinition(name, new PoolFamily(cidrs.Select(text => Prefix.Parse(text)).ToEquatableArray(), mask), null);
            _pools[name] = definition;
            Assert.NotNull(_operator.SetPool(definition, out _));
        }

        private void Operate(Member node, bool isReliable)
        {
            var seen = node.Written();
            var version = node.Version;
            var decision = _operator.Decide(seen);
            if (!isReliable && _random.Next(4) == 0)
            {
                // The write is lost.
                return;
            }

            if (!isReliable && _random.Next(4) == 0)
            {
                // The agent is faster, and the write is refused.
                node.Publish();
            }

            if (version == node.Version && !decision.Held.SequenceEqual(node.Object.Held))
            {
                node.Write(node.Object with { Held = decision.Held });
            }
        }
    }

    /// <summary>A node: its agent, its pods, and its object as the API server has it.</summary>
    private sealed class Member(string name, TimeProvider clock, int seed, Dictionary<string, PoolDefinition> pools)
    {
        public MultiPoolIpam Ipam { get; private set; } = NewIpam(clock, seed);

        public Dictionary<IpAddr, string> Pods { get; } = [];

        public NodeHoldings Object { get; private set; } = new(name, [], []);

        public int Version { get; private set; }

        /// <summary>The CIDRs that give nothing more, as the agent knows.</summary>
        public HashSet<Prefix> Drained { get; private set; } = [];

        public NodeHoldings Written() => Object;

        public void Write(NodeHoldings value)
        {
            Object = value;
            Version++;
        }

        /// <summary>The agent sees its object.</summary>
        public void Observe()
        {
            Drained = [.. Object.Held.SelectMany(held => pools.TryGetValue(held.Pool, out var pool) ? held.Cidrs.Where(pool.IsDrained) : [])];
            Ipam.SetAllocated([.. Object.Held], Drained);
        }

        /// <summary>The agent writes what it needs and keeps over the object it has seen.</summary>
        public void Publish()
        {
            Observe();
            var kept = Ipam.Keep();
            Write(new NodeHoldings(name, kept, Ipam.Demands()));
        }

        public void Restart()
        {
            // What is drained is not known before all addresses are taken back.
            Ipam = NewIpam(clock, seed + Version);
            Ipam.SetAllocated([.. Object.Held]);
            Drained = [];
            foreach (var (address, owner) in Pods)
            {
                Assert.True(Ipam.Allocate(address, owner).IsOk);
            }
        }

        private static MultiPoolIpam NewIpam(TimeProvider clock, int seed) =>
            new(true, false, new MultiPoolOptions { PreAllocate = new Dictionary<string, int> { ["default"] = 4 } }, clock, new Random(seed));
    }
}
