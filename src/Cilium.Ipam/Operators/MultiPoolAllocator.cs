using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Gives nodes CIDRs from several pools as they need them, and takes back what they let go (mode <c>multi-pool</c>).</summary>
/// <remarks>
/// No two nodes ever hold overlapping CIDRs, whatever pools overlap, change or vanish: what a node holds stays its own until the node lets it go.
/// A pool whose CIDRs shrink is drained in this way: nodes give nothing more from what it no longer has, and get other CIDRs instead. Not thread-safe.
/// </remarks>
public sealed class MultiPoolAllocator : IOperatorIpam
{
    private readonly bool _hasIPv4;
    private readonly bool _hasIPv6;
    private readonly Dictionary<string, PoolDefinition> _definitions = [];
    private readonly Dictionary<(string Pool, bool IsIPv4), CidrPool> _pools = [];
    private readonly CidrOwners _owners = new();
    private readonly Dictionary<string, NodeBook> _nodes = [];
    private readonly Dictionary<(string Pool, bool IsIPv4), HashSet<Prefix>> _blocked = [];

    /// <summary>Makes an allocator without pools.</summary>
    public MultiPoolAllocator(bool hasIPv4, bool hasIPv6)
    {
        _hasIPv4 = hasIPv4;
        _hasIPv6 = hasIPv6;
    }

    /// <summary>The pools with the CIDRs given and those there are.</summary>
    public IEnumerable<(string Pool, bool IsIPv4, int Used, UInt128 Capacity)> Usage =>
        _pools.Select(pool => (pool.Key.Pool, pool.Key.IsIPv4, pool.Value.Usage.Used, pool.Value.Usage.Capacity));

    /// <summary>How many CIDRs were taken back so far: when it grows, nodes whose needs are not met may try again.</summary>
    public long Freed { get; private set; }

    /// <summary>Adds a pool or changes it.</summary>
    /// <returns>The nodes whose needs were not met and may be now, or null with the old definition kept when the new one is wrong.</returns>
    public IReadOnlyCollection<string>? SetPool(PoolDefinition definition, out string error)
    {
        ArgumentNullException.ThrowIfNull(definition);
        error = "";
        try
        {
            var four = NewPool(definition.IPv4, isIPv4: true);
            var six = NewPool(definition.IPv6, isIPv4: false);
            _definitions[definition.Name] = definition;
            Replace((definition.Name, true), four);
            Replace((definition.Name, false), six);
        }
        catch (ArgumentException exception)
        {
            error = exception.Message;
            return null;
        }

        return Waiting();
    }

    /// <summary>Removes a pool: it gives nothing more.</summary>
    public void RemovePool(string name)
    {
        _definitions.Remove(name);
        Replace((name, true), null);
        Replace((name, false), null);
    }

    /// <inheritdoc/>
    public void Restore(IEnumerable<NodeHoldings> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        foreach (var node in nodes.OrderBy(node => node.Name, StringComparer.Ordinal))
        {
            Read(node);
        }
    }

    /// <inheritdoc/>
    public NodeDecision Decide(NodeHoldings node)
    {
        ArgumentNullException.ThrowIfNull(node);
        var book = Read(node);
        var errors = new List<string>();
        errors.AddRange(book.Refused);
        book.IsWaiting = book.Refused.Count > 0;
        foreach (var demand in node.Demands.OrderBy(demand => demand.Pool, StringComparer.Ordinal))
        {
            Meet(book, node.Name, demand.Pool, isIPv4: true, _hasIPv4 ? demand.IPv4 : 0, errors);
            Meet(book, node.Name, demand.Pool, isIPv4: false, _hasIPv6 ? demand.IPv6 : 0, errors);
        }

        // What is written stays in its order, what is new follows.
        var added = book.Held.Where(held => !book.Seen.Contains(held.Key)).ToLookup(held => held.Value, held => held.Key);
        var pools = node.Held.Select(held => held.Pool).Distinct().Concat(added.Select(pool => pool.Key).Order(StringComparer.Ordinal)).Distinct();
        var decided = pools.Select(pool => new PoolCidrs(
            pool, node.Held.Where(held => held.Pool == pool).SelectMany(held => held.Cidrs).Concat(added[pool].Order()).ToEquatableArray()));
        return new NodeDecision([.. decided.Where(pool => pool.Cidrs.Count > 0)], errors);
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Release(string nodeName)
    {
        if (!_nodes.Remove(nodeName, out var book))
        {
            return [];
        }

        foreach (var cidr in book.Held.Keys)
        {
            Free(cidr);
        }

        return book.Held.Count > 0 ? Waiting() : [];
    }

    /// <summary>The nodes whose needs are not met.</summary>
    public IReadOnlyCollection<string> Waiting() => [.. _nodes.Where(node => node.Value.IsWaiting).Select(node => node.Key)];

    private static CidrPool? NewPool(PoolFamily? family, bool isIPv4)
    {
        if (family is null)
        {
            return null;
        }

        return family.Cidrs.Any(cidr => cidr.IsIPv4 != isIPv4)
            ? throw new ArgumentException($"{family.Cidrs.First(cidr => cidr.IsIPv4 != isIPv4)} is not of the family {(isIPv4 ? "IPv4" : "IPv6")}")
            : new CidrPool(family.Cidrs, family.MaskSize);
    }

    private static UInt128 AddressesIn(Prefix cidr)
    {
        var bits = cidr.Address.BitLength - cidr.Length;
        return bits <= 1 ? UInt128.Zero : bits == 128 ? UInt128.MaxValue : (UInt128.One << bits) - 2;
    }

    private void Replace((string Pool, bool IsIPv4) key, CidrPool? pool)
    {
        _blocked.Remove(key);
        if (pool is null)
        {
            _pools.Remove(key);
            return;
        }

        _pools[key] = pool;
        foreach (var cidr in _nodes.Values.SelectMany(node => node.Held.Keys).Where(pool.IsInRange))
        {
            pool.Occupy(cidr);
        }
    }

    /// <summary>Takes over a node's state: new CIDRs are its own, and what it had and no longer lists is free.</summary>
    private NodeBook Read(NodeHoldings node)
    {
        if (!_nodes.TryGetValue(node.Name, out var book))
        {
            _nodes.Add(node.Name, book = new NodeBook());
        }

        if (book.Incarnation != node.Incarnation)
        {
            // An object made anew has let go of nothing.
            book.Incarnation = node.Incarnation;
            book.Seen.Clear();
        }

        var listed = node.Held.SelectMany(held => held.Cidrs.Select(cidr => (cidr, held.Pool))).ToList();
        var present = listed.ConvertAll(entry => entry.cidr).ToHashSet();
        foreach (var gone in book.Seen.Where(cidr => !present.Contains(cidr)).ToList())
        {
            book.Seen.Remove(gone);
            book.Held.Remove(gone);
            Free(gone);
        }

        book.Refused.Clear();
        foreach (var (cidr, pool) in listed)
        {
            if (book.Held.ContainsKey(cidr))
            {
                book.Seen.Add(cidr);
            }
            else if (_owners.TryFindOverlap(cidr, out var other))
            {
                _owners.TryGet(other, out var owner);
                book.Refused.Add($"{cidr} of pool {pool} overlaps {other}, which node {owner.Node} holds");
            }
            else
            {
                _owners.Add(cidr, node.Name, pool);
                book.Held.Add(cidr, pool);
                book.Seen.Add(cidr);
                foreach (var cut in _pools.Values.Where(candidate => candidate.IsInRange(cidr)))
                {
                    cut.Occupy(cidr);
                }
            }
        }

        return book;
    }

    private void Meet(NodeBook book, string nodeName, string pool, bool isIPv4, int needed, List<string> errors)
    {
        var family = isIPv4 ? "IPv4" : "IPv6";
        var capacity = UInt128.Zero;
        // A drained CIDR has nothing for new pods: the node needs as much again, until it lets that one go.
        foreach (var cidr in book.Held.Where(held => held.Value == pool && held.Key.IsIPv4 == isIPv4 && !IsDrained(pool, held.Key)).Select(held => held.Key))
        {
            capacity += UInt128.Min(AddressesIn(cidr), int.MaxValue);
        }

        while (capacity < (UInt128)needed)
        {
            var problem = !_definitions.ContainsKey(pool) ? $"pool {pool} does not exist"
                : !_pools.TryGetValue((pool, isIPv4), out var cuts) ? $"pool {pool} has no {family} CIDRs"
                : cuts.MaskSize >= (isIPv4 ? 31 : 127) ? $"pool {pool}: {family} CIDRs of mask size {cuts.MaskSize} have no address for pods"
                : !TryCut((pool, isIPv4), cuts, out var cidr) ? $"pool {pool} is exhausted: no {family} /{cuts.MaskSize} is free"
                : Give(cidr);
            if (problem.Length > 0)
            {
                errors.Add(problem);
                book.IsWaiting = true;
                return;
            }
        }

        string Give(Prefix cidr)
        {
            _owners.Add(cidr, nodeName, pool);
            book.Held.Add(cidr, pool);
            capacity += UInt128.Min(AddressesIn(cidr), int.MaxValue);
            return "";
        }
    }

    private bool IsDrained(string pool, Prefix held) => _definitions.TryGetValue(pool, out var definition) && definition.IsDrained(held);

    private bool TryCut((string Pool, bool IsIPv4) key, CidrPool pool, out Prefix cidr)
    {
        while (pool.Allocate() is { IsOk: true } result)
        {
            cidr = result.Cidr;
            if (!_owners.TryFindOverlap(cidr, out _))
            {
                return true;
            }

            // Held through another pool or in another size: not to be given while that lasts.
            if (!_blocked.TryGetValue(key, out var blocked))
            {
                _blocked.Add(key, blocked = []);
            }

            blocked.Add(cidr);
        }

        cidr = default;
        return false;
    }

    private void Free(Prefix cidr)
    {
        Freed++;
        _owners.Remove(cidr);
        foreach (var pool in _pools.Values)
        {
            pool.Release(cidr);
        }

        foreach (var (key, blocked) in _blocked)
        {
            foreach (var free in blocked.Where(other => other.Overlaps(cidr) && !_owners.TryFindOverlap(other, out _)).ToList())
            {
                blocked.Remove(free);
                _pools[key].Release(free);
            }
        }
    }

    /// <summary>What is known of one node. A CIDR that was decided but not yet seen on the node cannot have been let go.</summary>
    private sealed class NodeBook
    {
        public Dictionary<Prefix, string> Held { get; } = [];

        public HashSet<Prefix> Seen { get; } = [];

        public List<string> Refused { get; } = [];

        public bool IsWaiting { get; set; }

        public string Incarnation { get; set; } = "";
    }
}
