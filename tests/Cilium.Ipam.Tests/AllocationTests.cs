using Cilium.Core;

namespace Cilium.Ipam.Tests;

public sealed class AllocationTests
{
    [Fact]
    public void Giving_and_taking_back_allocates_no_memory()
    {
        var pool = new AddressPool(new AddressPoolOptions(), TimeProvider.System, Random.Shared);
        pool.SetRanges([Prefix.Parse("10.0.0.0/16")]);
        var least = long.MaxValue;
        for (var round = 0; round < 50 && least > 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                Assert.True(pool.Release(pool.Allocate("default/pod").Address));
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    [Fact]
    public void A_snapshot_restores_owners_purposes_and_expiries()
    {
        var clock = new ManualClock();
        var pool = new AddressPool(new AddressPoolOptions(), clock, new Random(1));
        pool.SetRanges([Prefix.Parse("10.0.0.0/24"), Prefix.Parse("10.0.1.0/24")]);
        pool.Allocate("router", purpose: "gateway");
        pool.Allocate("default/a", expires: true);
        pool.Allocate(IpAddr.Parse("10.0.1.7"), "default/b");
        var snapshot = pool.Snapshot();

        var copy = new AddressPool(new AddressPoolOptions(), clock, new Random(2));
        copy.SetRanges([Prefix.Parse("10.0.0.0/24"), Prefix.Parse("10.0.1.0/24")]);
        Assert.Empty(copy.Restore(snapshot));
        Assert.Equal(snapshot, copy.Snapshot());
        Assert.Contains(copy.Snapshot(), lease => lease is { Owner: "router", Purpose: "gateway", Pool: "default" });
        clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(["router", "default/b"], copy.Snapshot().Select(lease => lease.Owner));

        var small = new AddressPool(new AddressPoolOptions(), clock, new Random(3));
        small.SetRanges([Prefix.Parse("10.0.0.0/24")]);
        Assert.Equal(["default/b"], small.Restore(snapshot).Select(lease => lease.Owner));
    }
}
