using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>Who gets which address of which pool: a function of services, with the addresses they have, and pools; nothing else is remembered.</summary>
/// <remarks>
/// 1. Services keep the addresses they have, as long as a pool for them has these. 2. Older services come first, older pools too, and the lowest
/// free address is given. The order of the arguments does not matter. So it makes no difference either in which order services and pools, each by
/// age, were seen one after the other; but with whom services of a sharing key share depends on who was served when.
/// </remarks>
public sealed class LoadBalancerPlan
{
    private readonly List<PlannedPool> _pools;
    private readonly Dictionary<IpAddr, List<LoadBalancerRequest>> _holders = [];
    private readonly Dictionary<string, SortedSet<IpAddr>> _shared = [];
    private readonly Dictionary<(string Namespace, string Name), LoadBalancerAnswer> _answers = [];

    private LoadBalancerPlan(IEnumerable<LoadBalancerPool> pools)
    {
        _pools = [];
        foreach (var pool in pools.OrderBy(pool => pool.CreatedAt).ThenBy(pool => pool.Name, StringComparer.Ordinal))
        {
            _pools.Add(new PlannedPool(pool, ConflictOf(pool)));
        }
    }

    /// <summary>What each service gets.</summary>
    public IReadOnlyDictionary<(string Namespace, string Name), LoadBalancerAnswer> Answers => _answers;

    /// <summary>What is told of each pool, older ones first.</summary>
    public IReadOnlyList<LoadBalancerPoolState> Pools => [.. _pools.Select(pool => pool.State)];

    /// <summary>Makes a plan.</summary>
    public static LoadBalancerPlan Make(IEnumerable<LoadBalancerRequest> services, IEnumerable<LoadBalancerPool> pools)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(pools);
        var plan = new LoadBalancerPlan(pools);
        var sorted = services.OrderBy(service => service.CreatedAt)
            .ThenBy(service => service.Namespace, StringComparer.Ordinal).ThenBy(service => service.Name, StringComparer.Ordinal).ToList();
        var kept = sorted.ConvertAll(plan.Keep);
        for (var i = 0; i < sorted.Count; i++)
        {
            plan._answers.Add((sorted[i].Namespace, sorted[i].Name), plan.Answer(sorted[i], kept[i]));
        }

        return plan;
    }

    private string ConflictOf(LoadBalancerPool pool)
    {
        for (var i = 0; i < pool.Blocks.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (pool.Blocks[i].Overlaps(pool.Blocks[j]))
                {
                    return $"Pool conflicts with itself: {pool.Blocks[j]} and {pool.Blocks[i]} overlap";
                }
            }
        }

        foreach (var older in _pools.Where(older => older.State.Conflict.Length == 0))
        {
            foreach (var block in pool.Blocks)
            {
                if (older.Pool.Blocks.FirstOrDefault(block.Overlaps) is { } overlapped)
                {
                    return $"Pool conflicts since range {block} overlaps range {overlapped} from IP Pool '{older.Pool.Name}'";
                }
            }
        }

        return "";
    }

    private List<IpAddr> Keep(LoadBalancerRequest service)
    {
        var kept = new List<IpAddr>();
        foreach (var address in service.Current.Distinct())
        {
            var isWanted = service.Requested.Count > 0
                ? service.Requested.Contains(address)
                : (address.IsIPv4 ? service.WantsIPv4 : service.WantsIPv6) && !kept.Exists(other => other.IsIPv4 == address.IsIPv4);
            if (isWanted && _pools.Exists(pool => pool.Has(address) && pool.IsFor(service)) && IsFreeFor(service, address))
            {
                Take(service, address);
                kept.Add(address);
            }
        }

        return kept;
    }

    private LoadBalancerAnswer Answer(LoadBalancerRequest service, List<IpAddr> addresses)
    {
        var (reason, message) = service.Requested.Count > 0 ? GiveRequested(service, addresses) : GiveAny(service, addresses);
        return new LoadBalancerAnswer(addresses.OrderBy(address => !address.IsIPv4).ThenBy(address => address).ToEquatableArray(), reason, message);
    }

    private (string Reason, string Message) GiveRequested(LoadBalancerRequest service, List<IpAddr> addresses)
    {
        var problem = (LoadBalancerReasons.Satisfied, "");
        foreach (var address in service.Requested.Distinct().Where(address => !addresses.Contains(address)))
        {
            var pools = _pools.FindAll(pool => pool.Has(address));
            if (pools.Find(pool => pool.Gives) is null)
            {
                problem = (LoadBalancerReasons.NoPool, $"No enabled CiliumLoadBalancerIPPool has the requested IP '{address}'");
            }
            else if (pools.Find(pool => pool.Gives && pool.IsFor(service)) is null)
            {
                problem = (LoadBalancerReasons.PoolSelectorMismatch, $"The CiliumLoadBalancerIPPool with the requested IP '{address}' does not select this service");
            }
            else if (!IsFreeFor(service, address))
            {
                problem = service.SharingKey.Length > 0
                    ? (LoadBalancerReasons.AlreadyAllocatedIncompatible, $"The requested IP '{address}' is allocated to a service that cannot share it")
                    : (LoadBalancerReasons.AlreadyAllocated, $"The requested IP '{address}' is already allocated");
            }
            else
            {
                Take(service, address);
                addresses.Add(address);
            }
        }

        return problem;
    }

    private (string Reason, string Message) GiveAny(LoadBalancerRequest service, List<IpAddr> addresses)
    {
        var pools = _pools.FindAll(pool => pool.Gives && pool.IsFor(service));
        var missing = 0;
        foreach (var isIPv4 in new[] { true, false })
        {
            if (!(isIPv4 ? service.WantsIPv4 : service.WantsIPv6) || addresses.Exists(address => address.IsIPv4 == isIPv4))
            {
                continue;
            }

            if (TryShare(service, pools, isIPv4, out var given) || TryTakeLowest(pools, isIPv4, out given))
            {
                Take(service, given);
                addresses.Add(given);
            }
            else
            {
                missing++;
            }
        }

        if (missing == 0 || (service.IsPartialFine && addresses.Count > 0))
        {
            return (LoadBalancerReasons.Satisfied, "");
        }

        return pools.Count == 0
            ? (LoadBalancerReasons.NoPool, "There are no enabled CiliumLoadBalancerIPPools that match this service")
            : (LoadBalancerReasons.OutOfIPs, "All enabled CiliumLoadBalancerIPPools that match this service ran out of allocatable IPs");
    }

    private bool TryShare(LoadBalancerRequest service, List<PlannedPool> pools, bool isIPv4, out IpAddr given)
    {
        given = service.SharingKey.Length > 0 && _shared.TryGetValue(service.SharingKey, out var candidates)
            ? candidates.FirstOrDefault(address => address.IsIPv4 == isIPv4 && pools.Exists(pool => pool.Has(address)) && IsFreeFor(service, address))
            : default;
        return !given.IsNone;
    }

    private bool TryTakeLowest(List<PlannedPool> pools, bool isIPv4, out IpAddr given)
    {
        foreach (var pool in pools)
        {
            if (pool.TryFindFree(isIPv4, _holders, out given))
            {
                return true;
            }
        }

        given = default;
        return false;
    }

    private bool IsFreeFor(LoadBalancerRequest service, IpAddr address) =>
        !_holders.TryGetValue(address, out var holders) || holders.TrueForAll(service.CanShareWith);

    private void Take(LoadBalancerRequest service, IpAddr address)
    {
        if (!_holders.TryGetValue(address, out var holders))
        {
            _holders.Add(address, holders = []);
            foreach (var pool in _pools.Where(pool => pool.Has(address)))
            {
                pool.CountUsed();
            }
        }

        holders.Add(service);
        if (service.SharingKey.Length > 0)
        {
            if (!_shared.TryGetValue(service.SharingKey, out var addresses))
            {
                _shared.Add(service.SharingKey, addresses = []);
            }

            addresses.Add(address);
        }
    }

    /// <summary>A pool while a plan is made.</summary>
    private sealed class PlannedPool(LoadBalancerPool pool, string conflict)
    {
        private readonly IpAddr[] _next = [.. pool.Blocks.Select(block => block.First)];
        private UInt128 _used;

        public LoadBalancerPool Pool { get; } = pool;

        public bool Gives => !Pool.IsDisabled && conflict.Length == 0;

        public LoadBalancerPoolState State => new(
            Pool.Name, Pool.Blocks.Aggregate(UInt128.Zero, (sum, block) => sum + block.Count < sum ? UInt128.MaxValue : sum + block.Count), _used, conflict);

        public bool Has(IpAddr address) => Pool.Blocks.Any(block => block.Contains(address));

        public bool IsFor(LoadBalancerRequest service) => Pool.Selector?.Matches(service.Labels) ?? true;

        public void CountUsed() => _used++;

        /// <summary>Finds the lowest free address; within a plan addresses are only taken, so the search goes on where it ended.</summary>
        public bool TryFindFree(bool isIPv4, Dictionary<IpAddr, List<LoadBalancerRequest>> holders, out IpAddr address)
        {
            for (var i = 0; i < _next.Length; i++)
            {
                var block = Pool.Blocks[i];
                if (block.First.IsIPv4 != isIPv4)
                {
                    continue;
                }

                while (_next[i] <= block.Last && holders.ContainsKey(_next[i]))
                {
                    _next[i] = _next[i].Add(1);
                }

                if (_next[i] <= block.Last)
                {
                    address = _next[i];
                    return true;
                }
            }

            address = default;
            return false;
        }
    }
}
