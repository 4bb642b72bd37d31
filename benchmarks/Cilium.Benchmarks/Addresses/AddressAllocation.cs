using System.Globalization;
using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.Benchmarks.Addresses;

/// <summary>Addresses given and taken back, CIDRs for many nodes at once, and what an address in use costs.</summary>
internal static class AddressAllocation
{
    public static int Run(int operations)
    {
        WarmUp();
        Print("pair-empty-24-ns", Pairs("10.0.0.0/24", inUse: 0, operations));
        Print("pair-full-24-ns", Pairs("10.0.0.0/24", inUse: 253, operations));
        Print("pair-half-16-ns", Pairs("10.0.0.0/16", inUse: 32_000, operations));
        Print("pair-huge-64-ns", Pairs("fd00::/64", inUse: 1000, operations));
        Print("allocated-bytes-per-pair", AllocatedPerPair(operations));
        Print("bytes-per-address-16", BytesPerAddress("10.0.0.0/15", 100_000));
        Print("bytes-per-address-64", BytesPerAddress("fd00::/64", 100_000));
        Print("nodes-5000-pools-3-ms", Nodes(5000));
        return 0;
    }

    // The first case would otherwise pay for compilation, which takes its turn behind the code that waits for it when both have one core.
    private static void WarmUp()
    {
        for (var round = 0; round < 10; round++)
        {
            Pairs("10.0.0.0/24", inUse: 0, operations: 200_000);
            Pairs("fd00::/64", inUse: 1000, operations: 200_000);
            Thread.Sleep(200);
        }
    }

    private static AddressPool NewPool(string range)
    {
        var pool = new AddressPool(new AddressPoolOptions(), TimeProvider.System, new Random());
        pool.SetRanges([Prefix.Parse(range)]);
        return pool;
    }

    private static double Pairs(string range, int inUse, int operations)
    {
        var pool = NewPool(range);
        Fill(pool, inUse);
        Repeat(pool, operations / 10);
        // Processor time: what others do on the machine does not count.
        var began = Environment.CpuUsage.TotalTime;
        Repeat(pool, operations);
        return (Environment.CpuUsage.TotalTime - began).TotalNanoseconds / operations;
    }

    private static double AllocatedPerPair(int operations)
    {
        var pool = NewPool("10.0.0.0/16");
        Repeat(pool, operations / 10);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Repeat(pool, operations);
        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / operations;
    }

    private static double BytesPerAddress(string range, int count)
    {
        var owners = Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"default/pod-{i}")).ToArray();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var pool = NewPool(range);
        foreach (var owner in owners)
        {
            pool.Allocate(owner);
        }

        var bytes = (double)(GC.GetTotalMemory(forceFullCollection: true) - before) / count;
        GC.KeepAlive(pool);
        GC.KeepAlive(owners);
        return bytes;
    }

    private static double Nodes(int count)
    {
        var allocator = new MultiPoolAllocator(true, true);
        string[] names = ["default", "a", "b"];
        for (var i = 0; i < names.Length; i++)
        {
            allocator.SetPool(
                new PoolDefinition(
                    names[i],
                    new PoolFamily([new Prefix(IpAddr.FromIPv4((uint)(10 + i) << 24), 8)], 27),
                    new PoolFamily([new Prefix(IpAddr.Parse("fd00::").Add((UInt128)i << 100), 48)], 120)),
                out _);
        }

        PoolDemand[] demands = [.. names.Select(name => new PoolDemand(name, 16, 16))];
        var began = Environment.CpuUsage.TotalTime;
        var given = 0;
        for (var node = 0; node < count; node++)
        {
            given += allocator.Decide(new NodeHoldings(string.Create(CultureInfo.InvariantCulture, $"node-{node}"), [], demands)).Held.Sum(held => held.Cidrs.Count);
        }

        return given == count * 6 ? (Environment.CpuUsage.TotalTime - began).TotalMilliseconds : throw new InvalidOperationException($"{given} CIDRs given");
    }

    private static void Fill(AddressPool pool, int count)
    {
        for (var i = 0; i < count; i++)
        {
            pool.Allocate("default/other");
        }
    }

    private static void Repeat(AddressPool pool, int count)
    {
        for (var i = 0; i < count; i++)
        {
            pool.Release(pool.Allocate("default/pod").Address);
        }
    }

    private static void Print(string name, double value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} {value:0.00}"));
}
