using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Ipam.Tests;

public sealed class AddressPoolProperties
{
    private static readonly Prefix[] s_ranges = [Prefix.Parse("10.0.0.0/28"), Prefix.Parse("10.0.1.0/29"), Prefix.Parse("10.0.2.0/30"), Prefix.Parse("10.0.3.0/31")];

    /// <summary>Any interleaving of allocate, commit, release, expiry, change of ranges and restart against a dictionary.</summary>
    [Property(MaxTest = 300)]
    public void Never_gives_an_address_twice_and_refuses_exactly_when_full(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var clock = new ManualClock();
        var pool = NewPool();
        var held = new Dictionary<IpAddr, (string Owner, Guid? Wait, DateTimeOffset Due)>();
        var ranges = new HashSet<Prefix>(s_ranges[..2]);
        var owners = 0;
        pool.SetRanges(ranges);
        for (var step = 0; step < 120; step++)
        {
            var owner = $"ns/pod{owners++}";
            var free = ranges.SelectMany(Usable).Where(address => !held.ContainsKey(address)).ToArray();
            switch (random.Next(10))
            {
                case 0 or 1 or 2 or 3:
                    var expires = random.Next(2) == 0;
                    var result = pool.Allocate(owner, expires);
                    Assert.Equal(ranges.Count == 0 ? AllocationStatus.NoRange : free.Length == 0 ? AllocationStatus.Exhausted : AllocationStatus.Ok, result.Status);
                    if (result.Lease is { } lease)
                    {
                        Assert.Contains(lease.Address, free);
                        held.Add(lease.Address, (owner, lease.ExpirationId, lease.ExpiresAt ?? DateTimeOffset.MaxValue));
                    }

                    break;
                case 4:
                    var wanted = IpAddr.Parse("10.0.0.0").Add((UInt128)random.Next(1024));
                    var given = pool.Allocate(wanted, owner);
                    if (free.Contains(wanted))
                    {
                        Assert.True(given.IsOk);
                        held.Add(wanted, (owner, null, DateTimeOffset.MaxValue));
                    }
                    else if (held.ContainsKey(wanted))
                    {
                        Assert.Equal(AllocationStatus.InUse, given.Status);
                    }

                    break;
                case 5 or 6 when held.Count > 0:
                    var (address, holding) = held.ElementAt(random.Next(held.Count));
                    if (random.Next(2) == 0 && holding.Wait is { } wait)
                    {
                        Assert.True(pool.Commit(address, wait));
                        held[address] = (holding.Owner, null, DateTimeOffset.MaxValue);
                    }
                    else
                    {
                        Assert.True(pool.Release(address));
                        held.Remove(address);
                    }

                    break;
                case 7:
                    clock.Advance(TimeSpan.FromMinutes(random.Next(8)));
                    foreach (var due in held.Where(pair => pair.Value.Due <= clock.GetUtcNow()).Select(pair => pair.Key).ToArray())
                    {
                        held.Remove(due);
                    }

                    break;
                case 8:
                    ranges = [.. s_ranges.Where(_ => random.Next(3) > 0)];
                    pool.SetRanges(ranges);
                    break;
                default:
                    // A restart: committed addresses are restored from what exists, others were never seen by anyone.
                    var survivors = pool.Snapshot().Where(lease => lease.ExpirationId is null).ToArray();
                    pool = NewPool();
                    ranges.UnionWith(survivors.Select(lease => lease.Range));
                    pool.SetRanges(ranges);
                    Assert.All(survivors, lease => Assert.True(pool.Allocate(lease.Address, lease.Owner).IsOk));
                    held = survivors.ToDictionary(lease => lease.Address, lease => (lease.Owner, (Guid?)null, DateTimeOffset.MaxValue));
                    break;
            }

            Assert.Equal(held.Keys.Order(), pool.Snapshot().Select(lease => lease.Address));
            Assert.Equal((held.Count, (UInt128)ranges.Sum(range => Usable(range).Count())), pool.Usage);
        }

        AddressPool NewPool() => new(new AddressPoolOptions(), clock, new Random(any.Item));
    }

    [Fact]
    public async Task Many_threads_never_get_the_same_address()
    {
        var pool = new AddressPool(new AddressPoolOptions(), TimeProvider.System, new Random(1));
        pool.SetRanges([Prefix.Parse("10.0.0.0/22")]);
        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(() =>
        {
            var kept = new List<IpAddr>();
            for (var i = 0; i < 600; i++)
            {
                if (pool.Allocate($"{worker}/{i}").Lease is { } lease)
                {
                    if (i % 3 == 0)
                    {
                        Assert.True(pool.Release(lease.Address, lease.Owner));
                    }
                    else
                    {
                        kept.Add(lease.Address);
                    }
                }
            }

            return kept;
        })));
        var all = results.SelectMany(kept => kept).ToArray();
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.Equal(1022, all.Length);
        Assert.Equal(all.Order(), pool.Snapshot().Select(lease => lease.Address));
    }

    private static IEnumerable<IpAddr> Usable(Prefix range) =>
        Enumerable.Range(1, Math.Max(0, (1 << (32 - range.Length)) - 2)).Select(offset => range.Address.Add((UInt128)offset));
}
