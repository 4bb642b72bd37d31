using System.Runtime.InteropServices;
using Cilium.Bpf;

namespace Cilium.KernelTests;

public sealed class BpfMapTests
{
    [Fact]
    public void Lookup_update_and_delete_answer_without_exceptions()
    {
        using var map = BpfMap.Create("ops", new MapShape(MapType.Hash, 4, 8, 2)).As<uint, ulong>();
        Assert.False(map.TryLookup(1, out _));
        Assert.Equal(MapStatus.NotFound, map.Update(1, 10, MapUpdate.ReplaceOnly));
        Assert.Equal(MapStatus.Ok, map.Update(1, 10));
        Assert.Equal(MapStatus.Exists, map.Update(1, 11, MapUpdate.CreateOnly));
        Assert.Equal(MapStatus.Ok, map.Update(2, 20));
        Assert.Equal(MapStatus.Full, map.Update(3, 30));
        Assert.True(map.TryLookup(1, out var value));
        Assert.Equal(10ul, value);
        Assert.True(map.TryTake(1, out _));
        Assert.Equal(MapStatus.NotFound, map.Delete(1));
        Assert.Equal(MapStatus.Ok, map.Delete(2));
    }

    [Fact]
    public void The_kernels_answer_outlives_collections_at_the_end_of_a_call()
    {
        using var map = BpfMap.Create("errno", new MapShape(MapType.Hash, 4, 8, 2)).As<uint, ulong>();
        Assert.Equal(MapStatus.Ok, map.Update(1, 10));
        var (rounds, isOver) = (0, false);
        var collector = new Thread(() =>
        {
            // Some operations between two collections: collections alone would leave the other thread no time.
            for (var i = 0; i < 200 && !Volatile.Read(ref isOver); i++)
            {
                var next = Volatile.Read(ref rounds) + 10;
                SpinWait.SpinUntil(() => Volatile.Read(ref rounds) >= next || Volatile.Read(ref isOver));
                GC.Collect(0);
            }
        });
        collector.Start();
        try
        {
            // Collections stop this thread on its way out of system calls; a lost errno would be an exception or another status.
            do
            {
                Assert.Equal(MapStatus.Exists, map.Update(1, 11, MapUpdate.CreateOnly));
                Assert.Equal(MapStatus.NotFound, map.Delete(2));
                Assert.False(map.TryLookup(2, out _));
                Volatile.Write(ref rounds, rounds + 1);
            }
            while (collector.IsAlive);
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            collector.Join();
        }
    }

    [Fact]
    public void A_closed_map_refuses_instead_of_reaching_what_has_its_number_now()
    {
        var map = BpfMap.Create("closed", new MapShape(MapType.Hash, 4, 8, 2)).As<uint, ulong>();
        map.Dispose();
        using var next = BpfMap.Create("next", new MapShape(MapType.Hash, 4, 8, 2)).As<uint, ulong>();
        Assert.Throws<ObjectDisposedException>(() => map.Update(1, 10));
        Assert.Throws<ObjectDisposedException>(() => map.TryLookup(1, out _));
        Assert.Throws<ObjectDisposedException>(() => map.Delete(1));
        Assert.Empty(next.ToDictionary());
    }

    [Fact]
    public void Types_of_another_size_are_refused()
    {
        using var map = BpfMap.Create("sizes", new MapShape(MapType.Hash, 4, 8, 2));
        Assert.Throws<ArgumentException>(() => map.As<uint, uint>());
        Assert.Throws<KernelException>(() => BpfMap.Create("bad", new MapShape(MapType.LpmTrie, 4, 8, 2)));
    }

    [Fact]
    public void A_batch_stops_where_the_map_is_full_and_says_how_far_it_got()
    {
        using var map = BpfMap.Create("full", new MapShape(MapType.Hash, 4, 4, 100)).As<uint, uint>();
        var keys = Enumerable.Range(0, 150).Select(i => (uint)i).ToArray();
        Assert.Equal(new MapBatch(100, MapStatus.Full), map.UpdateBatch(keys, keys));
        Assert.Equal(100, map.ToDictionary().Count);
    }

    [Fact]
    public void A_batch_delete_passes_over_absent_keys()
    {
        using var map = BpfMap.Create("sparse", new MapShape(MapType.Hash, 4, 4, 1000)).As<uint, uint>();
        var even = Enumerable.Range(0, 500).Select(i => (uint)i * 2).ToArray();
        Assert.Equal(new MapBatch(500, MapStatus.Ok), map.UpdateBatch(even, even));
        var all = Enumerable.Range(0, 1000).Select(i => (uint)i).ToArray();
        Assert.Equal(500, map.DeleteBatch(all));
        Assert.Empty(map.ToDictionary());
    }

    [Theory]
    [InlineData(MapType.Hash, 0)]
    [InlineData(MapType.LruHash, 0)]
    [InlineData(MapType.LpmTrie, 1)]
    public void Reading_while_another_thread_deletes_ends_and_repeats_nothing(MapType type, int flags)
    {
        using var map = BpfMap.Create("walk", new MapShape(type, 8, 4, 20000, (MapFlags)flags)).As<LpmKey, uint>();
        var keys = Enumerable.Range(0, 10000).Select(i => new LpmKey(32, (uint)i)).ToArray();
        map.UpdateBatch(keys, new uint[keys.Length]);
        var deleter = new Thread(() =>
        {
            for (var i = 0; i < keys.Length; i += 2)
                map.Delete(keys[i]);
        });
        deleter.Start();
        var seen = new HashSet<LpmKey>();
        var cursor = map.Read(64);
        while (cursor.Next(out var batch, out _))
        {
            foreach (var key in batch)
                Assert.True(seen.Add(key));
        }
        deleter.Join();
        Assert.True(seen.Count(k => k.Address % 2 == 1) == 5000 || type != MapType.Hash);
        Assert.Equal(5000, map.ToDictionary().Count);
    }

    [Fact]
    public void A_walk_over_a_large_trie_goes_on_after_the_key_under_it_was_deleted()
    {
        const int Batch = 4096;
        using var map = BpfMap.Create("walk", new MapShape(MapType.LpmTrie, 8, 4, 150_000, MapFlags.NoPreallocation)).As<LpmKey, uint>();
        var keys = Enumerable.Range(0, 150_000).Select(i => new LpmKey(32, (uint)i)).ToArray();
        Assert.Equal(keys.Length, map.UpdateBatch(keys, new uint[keys.Length]).Done);
        var seen = new HashSet<LpmKey>();
        var cursor = map.Read(Batch);
        while (cursor.Next(out var batch, out _))
        {
            foreach (var key in batch)
                Assert.True(seen.Add(key));
            // From here the kernel begins anew, and for twenty rounds there is nothing that was not seen.
            if (seen.Count == 20 * Batch)
                Assert.Equal(MapStatus.Ok, map.Delete(batch[^1]));
        }
        Assert.Equal(keys.Length, seen.Count);
    }

    [Fact]
    public void An_array_is_written_and_read_in_batches()
    {
        using var map = BpfMap.Create("array", new MapShape(MapType.Array, 4, 8, 5000)).As<uint, ulong>();
        var keys = Enumerable.Range(0, 5000).Select(i => (uint)i).ToArray();
        Assert.Equal(5000, map.UpdateBatch(keys, keys.Select(k => (ulong)k * 3).ToArray()).Done);
        Assert.All(map.ToDictionary(), entry => Assert.Equal(entry.Key * 3ul, entry.Value));
    }

    [Fact]
    public void Values_per_cpu_are_folded()
    {
        using var untyped = BpfMap.Create("percpu", new MapShape(MapType.PerCpuHash, 4, 4, 8));
        var map = new PerCpuBpfMap<uint, uint>(untyped);
        var values = Enumerable.Range(1, map.Cpus).Select(i => (uint)i).ToArray();
        Assert.Equal(MapStatus.Ok, map.Update(5, values));
        var read = new uint[map.Cpus];
        Assert.True(map.TryLookup(5, read));
        Assert.Equal(values, read);
        Assert.Equal((ulong)values.Sum(v => v), map.Fold(0ul, (sum, v) => sum + v)[5]);
        Assert.Throws<ArgumentException>(() => untyped.As<uint, uint>());
    }

    [Fact]
    public void Inner_maps_are_inserted_in_one_batch_and_read_back_by_id()
    {
        var innerShape = new MapShape(MapType.LpmTrie, 8, 4, 64, MapFlags.NoPreallocation);
        using var template = BpfMap.Create("inner", innerShape);
        using var outer = new ArrayOfMapsBpf(BpfMap.Create("outer", new MapShape(MapType.ArrayOfMaps, 4, 4, 300), template));
        var inners = Enumerable.Range(0, 200).Select(i => BpfMap.Create("inner", innerShape)).ToArray();
        outer.UpdateBatch(Enumerable.Range(10, 200).Select(i => (uint)i).ToArray(), inners);
        var ids = outer.ReadIds();
        Assert.Equal(200, ids.Count);
        Assert.Equal(inners[3].Id, ids[13]);
        foreach (var inner in inners)
            inner.Dispose();
        using (var third = outer.OpenOrNull(13)!)
            Assert.Equal(MapStatus.Ok, third.As<LpmKey, uint>().Update(new LpmKey(0, 0), 1));
        Assert.Null(outer.OpenOrNull(0));
        outer.Delete(13);
        Assert.Equal(0u, outer.LookupId(13));
        outer.Delete(13);
    }

    [Fact]
    public void A_pin_is_adopted_only_when_equal()
    {
        using var folder = new PinFolder();
        var shape = new MapShape(MapType.Hash, 4, 8, 16);
        Assert.Equal(PinnedMap.Absent, BpfPins.TryAdopt(folder["map"], shape, out _, out _));
        using (var map = BpfMap.Create("pinned", shape).As<uint, ulong>())
        {
            map.Update(1, 2);
            BpfPins.Pin(map.Fd, folder["map"]);
        }
        Assert.Equal(PinnedMap.Equal, BpfPins.TryAdopt(folder["map"], shape, out var adopted, out _));
        using (adopted)
            Assert.True(adopted!.As<uint, ulong>().TryLookup(1, out _));
        Assert.Equal(PinnedMap.Different, BpfPins.TryAdopt(folder["map"], shape with { MaxEntries = 32 }, out var other, out var found));
        Assert.Null(other);
        Assert.Equal(shape, found);
        using (var replacement = BpfMap.Create("pinned", shape with { MaxEntries = 32 }))
            BpfPins.Pin(replacement.Fd, folder["map"]);
        using (var now = BpfPins.OpenMapOrNull(folder["map"]))
            Assert.Equal(32u, now!.Shape.MaxEntries);
        Assert.True(BpfPins.Unpin(folder["map"]));
        Assert.False(BpfPins.Unpin(folder["map"]));
    }

    [Fact]
    public void Single_operations_allocate_nothing()
    {
        using var map = BpfMap.Create("quiet", new MapShape(MapType.Hash, 4, 8, 1024)).As<uint, ulong>();
        map.Update(0, 0);
        map.TryLookup(0, out _);
        map.Delete(0);
        var least = long.MaxValue;
        for (var round = 0; round < 10 && least > 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0u; i < 100; i++)
            {
                map.Update(i, i);
                map.TryLookup(i, out _);
                map.Delete(i);
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
    }

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    internal readonly record struct LpmKey(uint PrefixLength, uint Address);
}
