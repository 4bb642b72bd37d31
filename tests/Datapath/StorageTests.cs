using System.Runtime.InteropServices;
using Cilium.Bpf;

namespace Cilium.DatapathTests;

/// <summary>Values that programs store on sockets and control groups: the same on both engines.</summary>
public sealed class StorageTests
{
    private const int Look = 1, Create = 2, CreateZero = 3, Remove = 4, BadFlags = 5, OnGroup = 10;
    private const long Absent = -2;

    [Fact]
    public void A_value_on_a_socket_is_its_own_and_ends_with_it()
    {
        using var bench = new StorageBench();
        using var b = bench.Open("one");
        using (var a = bench.Open("one"))
        {
            Assert.Equal((0L, 0L), After(bench, a, Look));
            Assert.Equal((101L, 0xABL), After(bench, a, Create));
            Assert.Equal((102L, 0xABL), After(bench, a, Create));
            Assert.Equal((1L, 0L), After(bench, b, CreateZero));
            Assert.Equal((103L, 0xABL), After(bench, a, Look));
            Assert.Equal((0L, 0L), After(bench, a, BadFlags));
            Assert.Equal((0L, Absent), (Deleted(bench, b, Remove), Deleted(bench, b, Remove)));
            Assert.Equal((0L, 0L), After(bench, b, Look));
            Assert.Equal((104L, 0xABL), After(bench, a, CreateZero));
            Assert.Equal((2L, 17L), (Result(bench, 4), Result(bench, 5)));
        }
        using var c = bench.Open("one");
        Assert.Equal((0L, 0L), After(bench, c, Look));
    }

    [Fact]
    public void User_space_reads_and_writes_what_is_on_a_socket()
    {
        using var bench = new StorageBench();
        using var map = bench.Object.Map<int, Stored>("by_socket");
        using var a = bench.Open("one");
        using var b = bench.Open("one");
        After(bench, a, Create);
        Assert.True(map.TryLookup(a.Key, out var stored));
        Assert.Equal(new Stored(101, 0xAB, 2), stored);
        Assert.False(map.TryLookup(b.Key, out _));
        Assert.Equal(MapStatus.Exists, map.Update(a.Key, stored, MapUpdate.CreateOnly));
        Assert.Equal(MapStatus.NotFound, map.Update(b.Key, stored, MapUpdate.ReplaceOnly));
        Assert.Equal(MapStatus.Ok, map.Update(a.Key, new Stored(7, 8, 9)));
        Assert.Equal(MapStatus.Ok, map.Update(b.Key, new Stored(20, 0, 0), MapUpdate.CreateOnly));
        Assert.Equal((8L, 8L), After(bench, a, Look));
        Assert.Equal((21L, 0L), After(bench, b, Create));
        Assert.Equal((MapStatus.Ok, MapStatus.NotFound), (map.Delete(b.Key), map.Delete(b.Key)));
        Assert.Equal((0L, 0L), After(bench, b, Look));
        Assert.Equal(524, Assert.Throws<KernelException>(() => map.ToDictionary()).Errno);
    }

    [Fact]
    public void A_value_on_a_control_group_is_for_all_its_sockets_and_ends_with_it()
    {
        using var bench = new StorageBench();
        using (var first = bench.Open("one"))
        using (var second = bench.Open("one"))
        using (var other = bench.Open("two"))
        {
            Assert.Equal((0L, 0L), After(bench, first, OnGroup + Look));
            Assert.Equal((101L, 0xABL), After(bench, first, OnGroup + Create));
            Assert.Equal((102L, 0xABL), After(bench, second, OnGroup + Look));
            Assert.Equal((0L, 0L), After(bench, other, OnGroup + Look));
            Assert.Equal((1L, 0L), After(bench, other, OnGroup + CreateZero));
            Assert.Equal((0L, 0L), After(bench, first, OnGroup + BadFlags));
            Assert.Equal((0L, Absent), (Deleted(bench, other, OnGroup + Remove), Deleted(bench, other, OnGroup + Remove)));
            Assert.Equal((103L, 0xABL), After(bench, first, OnGroup + Create));
            Assert.Equal(0, Result(bench, 6));
        }
        bench.RemoveGroup("one");
        using var again = bench.Open("one");
        Assert.Equal((0L, 0L), After(bench, again, OnGroup + Look));
        Assert.Equal((101L, 0xABL), After(bench, again, OnGroup + Create));
    }

    internal static BpfObject Load(BpfEngine engine)
    {
        using var stream = typeof(StorageTests).Assembly.GetManifestResourceStream("storage.bpf.o")!;
        var elf = new byte[stream.Length];
        stream.ReadExactly(elf);
        var obj = BpfObject.Open("storage", elf, engine);
        obj.Load();
        return obj;
    }

    /// <summary>Count and mark that the program found; zero for none.</summary>
    private static (long Count, long Mark) After(StorageBench bench, StorageBench.StorageSocket socket, int order)
    {
        using var results = bench.Object.Map<uint, long>("results");
        for (var i = 0u; i < 8; i++)
            results.Update(i, 0);
        socket.Connect(order);
        Assert.Equal(1, Result(bench, 0));
        return (Result(bench, 1), Result(bench, 2));
    }

    private static long Deleted(StorageBench bench, StorageBench.StorageSocket socket, int order)
    {
        After(bench, socket, order);
        return Result(bench, 3);
    }

    private static long Result(StorageBench bench, uint index)
    {
        using var results = bench.Object.Map<uint, long>("results");
        Assert.True(results.TryLookup(index, out var value));
        return value;
    }

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly record struct Stored(ulong Count, uint Mark, uint Family);
}
