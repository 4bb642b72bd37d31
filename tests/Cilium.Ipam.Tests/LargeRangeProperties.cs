using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

namespace Cilium.Ipam.Tests;

/// <summary>Ranges too large ever to be full, where what is taken is in a hash table, against a dictionary.</summary>
public sealed class LargeRangeProperties
{
    [Property(MaxTest = 200)]
    public void Addresses_have_the_owners_they_were_given_to_and_no_others(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var range = Prefix.Parse(random.Next(4) switch { 0 => "fd00::/64", 1 => "fd00::/80", 2 => "fd00::/16", _ => "::/0" });
        var first = range.Length == 0 ? IpAddr.Parse("2001:db8::") : range.Address;
        var pool = New(range, random);
        var held = new Dictionary<IpAddr, string>();
        for (var step = 0; step < 400; step++)
        {
            var owner = $"ns/{step}";
            switch (random.Next(6))
            {
                case 0 or 1:
                    var given = pool.Allocate(owner);
                    Assert.True(given.IsOk && range.Contains(given.Address) && given.Address != range.Address && given.Address != range.LastAddress);
                    held.Add(given.Address, owner);
                    break;
                case 2:
                    // Neighbours, and those whose numbers are alike in most bits: what a table finds hardest to keep apart.
                    var wanted = first.Add(random.Next(2) == 0 ? (UInt128)random.Next(1, 40) : (UInt128)random.Next(1, 40) << random.Next(40));
                    if (!range.Contains(wanted)) break;
                    var answer = pool.Allocate(wanted, owner);
                    Assert.Equal(held.ContainsKey(wanted) ? AllocationStatus.InUse : AllocationStatus.Ok, answer.Status);
                    if (answer.IsOk) held.Add(wanted, owner);
                    break;
                case 3 or 4 when held.Count > 0:
                    var gone = held.Keys.ElementAt(random.Next(held.Count));
                    Assert.True(pool.Release(gone, held[gone]));
                    Assert.True(held.Remove(gone));
                    Assert.False(pool.Release(gone));
                    break;
                default:
                    if (random.Next(10) == 0)
                    {
                        var snapshot = pool.Snapshot();
                        pool = New(range, random);
                        Assert.Empty(pool.Restore(snapshot));
                    }

                    break;
            }
        }

        Assert.Equal(held.Count, pool.Usage.Used);
        Assert.Equal(held.OrderBy(pair => pair.Key).Select(pair => (pair.Key, pair.Value)), pool.Snapshot().Select(lease => (lease.Address, lease.Owner)));
        Assert.All(held, pair => Assert.True(pool.TryGet(pair.Key, out var lease) && lease.Value.Owner == pair.Value));
    }

    [Fact]
    public void A_large_range_of_which_little_may_be_given_is_full_when_that_is_in_use()
    {
        var range = Prefix.Parse("fd00::/64");
        Prefix[] excluded = [.. Enumerable.Range(65, 62).Select(length => new Prefix(range.Address.Add(UInt128.One << (128 - length)), length))];
        var pool = new AddressPool(new AddressPoolOptions { Excluded = excluded }, TimeProvider.System, new Random(1));
        pool.SetRanges([range]);
        var given = new HashSet<IpAddr>();
        while (pool.Allocate($"ns/{given.Count}") is { IsOk: true } result) Assert.True(given.Add(result.Address));
        Assert.Equal((int)pool.Usage.Capacity, given.Count);
        Assert.Equal(AllocationStatus.Exhausted, pool.Allocate("ns/more").Status);
        Assert.True(pool.Release(given.First()));
        Assert.Equal(given.First(), pool.Allocate("ns/more").Address);
    }

    private static AddressPool New(Prefix range, Random random)
    {
        var pool = new AddressPool(new AddressPoolOptions(), TimeProvider.System, random);
        pool.SetRanges([range]);
        return pool;
    }
}
