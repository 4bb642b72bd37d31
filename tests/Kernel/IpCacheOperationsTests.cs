using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Kernel;

namespace Cilium.KernelTests;

public sealed class IpCacheOperationsTests
{
    [Fact]
    public async Task In_a_full_map_what_goes_makes_room_for_what_comes()
    {
        using var maps = new TestMaps(("cilium_ipcache", 4));
        var operations = new IpCacheOperations(maps.Maps.IpCache);
        await operations.ApplyAsync(Batch([1, 2, 3, 4], []), CancellationToken.None);
        await operations.ApplyAsync(Batch([11, 12], [1, 2]), CancellationToken.None);
        Assert.Equal([3, 4, 11, 12], Present(maps));

        var refusal = await Assert.ThrowsAsync<MapFullException>(async () => await operations.ApplyAsync(Batch([21, 22], [3]), CancellationToken.None));
        Assert.Contains("cilium_ipcache", refusal.Message, StringComparison.Ordinal);
        Assert.Equal([4, 11, 12, 21], Present(maps));
    }

    [Fact]
    public async Task In_a_map_that_is_too_small_single_addresses_come_first()
    {
        using var maps = new TestMaps(("cilium_ipcache", 4));
        var operations = new IpCacheOperations(maps.Maps.IpCache);
        Prefix[] prefixes =
        [
            Prefix.Parse("192.0.2.0/24"), Prefix.Parse("2001:db8::/64"), PrefixOf(1), Prefix.Parse("198.51.100.0/25"), PrefixOf(2), Prefix.Parse("2001:db8::1/128"),
        ];
        var changes = prefixes.Select((prefix, number) => new TableChange<Prefix, IpCacheRow>(
            prefix, null, new IpCacheRow { Prefix = prefix, Identity = new Identity((uint)number) }, 1));
        await Assert.ThrowsAsync<MapFullException>(async () =>
            await operations.ApplyAsync(new ReconcileBatch<Prefix, IpCacheRow>([.. changes]), CancellationToken.None));
        var present = Present(maps).ToArray();
        Assert.Equal(4, present.Length);
        Assert.Empty(new[] { 2, 4, 5 }.Except(present));
    }

    private static ReconcileBatch<Prefix, IpCacheRow> Batch(int[] put, int[] deleted) => new(
    [
        .. put.Select(number => new TableChange<Prefix, IpCacheRow>(PrefixOf(number), null, Row(number), 1)),
        .. deleted.Select(number => new TableChange<Prefix, IpCacheRow>(PrefixOf(number), Row(number), null, 1)),
    ]);

    private static IpCacheRow Row(int number) => new() { Prefix = PrefixOf(number), Identity = new Identity((uint)number) };

    private static Prefix PrefixOf(int number) => Prefix.Parse($"10.0.0.{number}/32");

    private static IEnumerable<int> Present(TestMaps maps) => maps.Maps.IpCache.ToDictionary().Values.Select(value => (int)value.Identity).Order();
}
