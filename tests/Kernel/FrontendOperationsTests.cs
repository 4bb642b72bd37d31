using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;

namespace Cilium.KernelTests;

public sealed class FrontendOperationsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Differences_applied_equal_the_desired_services(int seed)
    {
        using var maps = new TestMaps();
        var random = new Random(seed);
        var gone = new List<L4Address>();
        var operations = new FrontendOperations(maps.Maps.Services, gone.AddRange);
        var desired = new Dictionary<L4Address, FrontendRow>();
        for (var round = 0; round < 60; round++)
        {
            var changes = new List<TableChange<L4Address, FrontendRow>>();
            var backends = BackendsOf(desired);
            gone.Clear();
            foreach (var number in Enumerable.Range(0, 8).Where(_ => random.Next(3) == 0))
            {
                var address = Frontend(number);
                var before = desired.GetValueOrDefault(address);
                var now = random.Next(4) == 0 ? null : Row(address, random);
                if (now is null)
                    desired.Remove(address);
                else
                    desired[address] = now;
                if (before is not null || now is not null)
                    changes.Add(new TableChange<L4Address, FrontendRow>(address, before, now, round));
            }
            if (random.Next(15) == 0)
            {
                // A restart: what the maps hold is all that is known, and everything desired is told anew.
                operations = new FrontendOperations(maps.Maps.Services, gone.AddRange);
                changes = [.. desired.Values.Select(row => new TableChange<L4Address, FrontendRow>(row.Address, null, row, round))];
                await operations.ApplyAsync(new ReconcileBatch<L4Address, FrontendRow>(changes), CancellationToken.None);
                await operations.PruneAsync(Snapshot(desired), CancellationToken.None);
            }
            else
            {
                await operations.ApplyAsync(new ReconcileBatch<L4Address, FrontendRow>(changes), CancellationToken.None);
            }
            AssertEqual(maps, desired);
            Assert.Equal(backends.Except(BackendsOf(desired)).Order(), gone.Order());
        }
    }

    [Fact]
    public async Task Ids_survive_a_restart()
    {
        using var maps = new TestMaps();
        var rows = Enumerable.Range(0, 20).Select(i => Row(Frontend(i), new Random(i))).ToDictionary(row => row.Address);
        await new FrontendOperations(maps.Maps.Services).ApplyAsync(Batch(rows.Values), CancellationToken.None);
        var before = new DatapathInspection(maps.Maps).Services().ToList();
        var again = new FrontendOperations(maps.Maps.Services);
        await again.ApplyAsync(Batch(rows.Values.Reverse()), CancellationToken.None);
        await again.PruneAsync(Snapshot(rows), CancellationToken.None);
        Assert.Equal(before, new DatapathInspection(maps.Maps).Services());
    }

    [Fact]
    public async Task Ids_of_what_was_deleted_before_a_restart_are_not_given_again()
    {
        using var maps = new TestMaps();
        FrontendRow stays = With(0, 1), goes = With(1, 11, 12), comes = With(2, 21, 22);
        var operations = new FrontendOperations(maps.Maps.Services);
        await operations.ApplyAsync(Batch([stays, goes]), CancellationToken.None);
        var before = IdsOf(maps);
        await operations.ApplyAsync(
            new ReconcileBatch<L4Address, FrontendRow>([new TableChange<L4Address, FrontendRow>(goes.Address, goes, null, 2)]), CancellationToken.None);

        operations = new FrontendOperations(maps.Maps.Services);
        await operations.ApplyAsync(Batch([stays]), CancellationToken.None);
        await operations.PruneAsync(Snapshot(new() { [stays.Address] = stays }), CancellationToken.None);
        var kept = IdsOf(maps);
        await operations.ApplyAsync(Batch([comes]), CancellationToken.None);

        AssertEqual(maps, new() { [stays.Address] = stays, [comes.Address] = comes });
        Assert.Subset(before, kept);
        Assert.Equal(kept.Order(), IdsOf(maps).Intersect(before).Order());
    }

    [Fact]
    public async Task Ids_go_round_past_those_in_use()
    {
        using var maps = new TestMaps();
        FrontendRow first = With(0, 1, 2), second = With(1, 11, 12, 13);
        await new FrontendOperations(maps.Maps.Services).ApplyAsync(Batch([first]), CancellationToken.None);
        maps.Maps.Services.Ids.Update(ServiceMaps.NextBackend, uint.MaxValue);
        maps.Maps.Services.Ids.Update(ServiceMaps.NextService, uint.MaxValue);
        var operations = new FrontendOperations(maps.Maps.Services);
        await operations.ApplyAsync(Batch([first, second, With(2, 1)]), CancellationToken.None);

        var services = new DatapathInspection(maps.Maps).Services().ToList();
        Assert.Equal([1u, 2u, uint.MaxValue], services.Select(service => service.Id));
        Assert.Equal([1u, 2u], services[0].Backends.Select(backend => backend.Id));
        Assert.Equal([uint.MaxValue, 3u, 4u], services[2].Backends.Select(backend => backend.Id));
    }

    [Fact]
    public async Task A_terminating_backend_serves_only_when_it_is_the_last()
    {
        using var maps = new TestMaps();
        var operations = new FrontendOperations(maps.Maps.Services);
        BackendRef active = new(Backend(1), BackendState.Active), leaving = new(Backend(2), BackendState.Terminating);
        var row = new FrontendRow { Address = Frontend(0), ServiceNamespace = "ns", ServiceName = "svc", Backends = EquatableArray.Create([active, leaving]) };
        await operations.ApplyAsync(Batch([row]), CancellationToken.None);
        Assert.Equal(Backend(1), Assert.Single(Assert.Single(new DatapathInspection(maps.Maps).Services()).Backends).Address);
        await operations.ApplyAsync(Batch([row with { Backends = EquatableArray.Create([leaving]) }]), CancellationToken.None);
        Assert.Equal(Backend(2), Assert.Single(Assert.Single(new DatapathInspection(maps.Maps).Services()).Backends).Address);
    }

    [Fact]
    public async Task A_full_map_says_so_until_there_is_room_and_no_id_comes_twice()
    {
        using var maps = new TestMaps(("cilium_lb_backends", 4));
        var operations = new FrontendOperations(maps.Maps.Services);
        FrontendRow first = With(0, 1, 2, 3), second = With(1, 11, 12, 13);
        await operations.ApplyAsync(Batch([first]), CancellationToken.None);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            var refusal = await Assert.ThrowsAsync<MapFullException>(async () => await operations.ApplyAsync(Batch([second]), CancellationToken.None));
            Assert.Contains("cilium_lb_backends", refusal.Message, StringComparison.Ordinal);
        }

        var before = maps.Maps.Services.Slots.ToDictionary().Values.Select(slot => slot.BackendId).ToHashSet();
        await operations.ApplyAsync(
            new ReconcileBatch<L4Address, FrontendRow>([new TableChange<L4Address, FrontendRow>(first.Address, first, null, 2)]), CancellationToken.None);
        await operations.PruneAsync(Snapshot(new() { [second.Address] = second }), CancellationToken.None);
        await operations.ApplyAsync(Batch([second]), CancellationToken.None);

        AssertEqual(maps, new() { [second.Address] = second });
        Assert.DoesNotContain(maps.Maps.Services.Slots.ToDictionary().Values, slot => before.Contains(slot.BackendId));
    }

    [Fact]
    public async Task In_a_full_map_what_goes_makes_room_for_what_comes()
    {
        using var maps = new TestMaps(("cilium_lb_backends", 4), ("cilium_lb_frontends", 2), ("cilium_lb_revnat", 2));
        var operations = new FrontendOperations(maps.Maps.Services);
        FrontendRow stays = With(0, 1, 2), goes = With(1, 3, 4), comes = With(2, 11, 12, 13), changed = With(0, 14);
        await operations.ApplyAsync(Batch([stays, goes]), CancellationToken.None);
        await operations.ApplyAsync(
            new ReconcileBatch<L4Address, FrontendRow>(
            [
                new TableChange<L4Address, FrontendRow>(comes.Address, null, comes, 2),
                new TableChange<L4Address, FrontendRow>(stays.Address, stays, changed, 2),
                new TableChange<L4Address, FrontendRow>(goes.Address, goes, null, 2),
            ]),
            CancellationToken.None);
        AssertEqual(maps, new() { [changed.Address] = changed, [comes.Address] = comes });
    }

    [Fact]
    public async Task What_has_no_place_in_a_full_map_takes_nothing_from_others()
    {
        using var maps = new TestMaps(("cilium_lb_backends", 4));
        var operations = new FrontendOperations(maps.Maps.Services);
        FrontendRow stays = With(0, 1, 2, 3), comes = With(2, 11, 12, 13), changed = With(0, 1, 14);
        await operations.ApplyAsync(Batch([stays]), CancellationToken.None);
        var before = new DatapathInspection(maps.Maps).Services().ToList();
        await Assert.ThrowsAsync<MapFullException>(async () => await operations.ApplyAsync(
            new ReconcileBatch<L4Address, FrontendRow>(
            [
                new TableChange<L4Address, FrontendRow>(comes.Address, null, comes, 2),
                new TableChange<L4Address, FrontendRow>(stays.Address, stays, changed, 2),
            ]),
            CancellationToken.None));
        Assert.Equal(before, new DatapathInspection(maps.Maps).Services());
        Assert.All(before.Single().Backends, backend => Assert.True(maps.Maps.Services.Backends.TryLookup(backend.Id, out _)));
    }

    [Fact]
    public async Task Five_thousand_services_are_written_in_batches()
    {
        using var maps = new TestMaps();
        var rows = Enumerable.Range(0, 5000).Select(i => new FrontendRow
        {
            Address = Frontend(i),
            ServiceNamespace = "ns",
            ServiceName = $"s{i}",
            Backends = Enumerable.Range(0, 5).Select(b => new BackendRef(Backend((i * 5) + b), BackendState.Active)).ToEquatableArray(),
        });
        var batch = Batch(rows);
        var began = TimeProvider.System.GetTimestamp();
        await new FrontendOperations(maps.Maps.Services).ApplyAsync(batch, CancellationToken.None);
        Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(60));
        Assert.Equal(25000, maps.Maps.Services.Slots.ToDictionary().Count);
        Assert.Equal(25000, maps.Maps.Services.Backends.ToDictionary().Count);
    }

    private static void AssertEqual(TestMaps maps, Dictionary<L4Address, FrontendRow> desired)
    {
        var services = new DatapathInspection(maps.Maps).Services().ToList();
        Assert.Equal(desired.Count, services.Count);
        Assert.Equal(services.Count, services.Select(service => service.Id).Distinct().Count());
        Assert.Equal(desired.Count, maps.Maps.Services.RevNat.ToDictionary().Count);
        Assert.Equal(services.Sum(service => service.Backends.Count), maps.Maps.Services.Slots.ToDictionary().Count);
        Assert.Equal(BackendsOf(desired).Count, maps.Maps.Services.Backends.ToDictionary().Count);
        foreach (var service in services)
        {
            var active = desired[service.Frontend].Backends.Where(b => b.State == BackendState.Active).ToList();
            var expected = active.Count > 0 ? active : [.. desired[service.Frontend].Backends];
            Assert.Equal(expected.Select(b => b.Address), service.Backends.Select(b => b.Address));
            Assert.True(service.HasReverse);
            Assert.All(service.Backends, b => Assert.True(maps.Maps.Services.Backends.TryLookup(b.Id, out var value) && ServiceState.AddressOf(value) == b.Address));
        }
    }

    private static HashSet<L4Address> BackendsOf(Dictionary<L4Address, FrontendRow> rows) =>
        [.. rows.Values.SelectMany(row => row.Backends).Select(backend => backend.Address)];

    private static HashSet<(string Map, uint Id)> IdsOf(TestMaps maps) =>
    [
        .. maps.Maps.Services.Backends.ToDictionary().Keys.Select(id => ("backends", id)),
        .. maps.Maps.Services.RevNat.ToDictionary().Keys.Select(id => ("services", id)),
    ];

    private static FrontendRow With(int number, params int[] backends) => new()
    {
        Address = Frontend(number),
        ServiceNamespace = "ns",
        ServiceName = "svc",
        Backends = backends.Select(backend => new BackendRef(Backend(backend), BackendState.Active)).ToEquatableArray(),
    };

    private static FrontendRow Row(L4Address address, Random random) => new()
    {
        Address = address,
        ServiceNamespace = "ns",
        ServiceName = "svc",
        Backends = Enumerable.Range(0, 12).Where(_ => random.Next(3) == 0)
            .Select(i => new BackendRef(Backend(i), i % 5 == 4 ? BackendState.Terminating : BackendState.Active)).ToEquatableArray(),
    };

    private static L4Address Frontend(int number) => new(IpAddr.FromIPv4(0x0a600000u + (uint)number), 80, L4Protocol.Tcp);

    private static L4Address Backend(int number) => new(IpAddr.FromIPv4(0x0a000000u + (uint)number), 8080, L4Protocol.Tcp);

    private static ReconcileBatch<L4Address, FrontendRow> Batch(IEnumerable<FrontendRow> rows) =>
        new([.. rows.Select(row => new TableChange<L4Address, FrontendRow>(row.Address, null, row, 1))]);

    private static TableSnapshot<L4Address, FrontendRow> Snapshot(Dictionary<L4Address, FrontendRow> rows)
    {
        var store = new StateStore();
        var table = store.CreateTable<L4Address, FrontendRow>("rows", row => row.Address);
        store.Write(transaction =>
        {
            foreach (var row in rows.Values)
                transaction.Upsert(table, row);
        });
        return table.Snapshot();
    }
}
