using Cilium.Bpf;

namespace Cilium.DatapathTests;

/// <summary>Map types that no shipped program uses, by an object of the tests' own: the same on both engines.</summary>
public sealed class MapTypeTests
{
    private const int NoMap = 100;
    private const int NoEntry = 101;
    private const int MarkOffset = 8;

    [Fact]
    public void A_hash_table_of_maps_leads_a_program_to_the_map_of_its_key()
    {
        using var bench = new Opened();
        using var first = bench.Inner();
        using var second = bench.Inner();
        Assert.Equal(MapStatus.Ok, first.As<uint, ulong>().Update(64, 10));
        Assert.Equal(NoMap, bench.Run(7));
        Assert.Equal(MapStatus.Ok, bench.Maps.Update(7, first));
        Assert.Equal(MapStatus.Ok, bench.Maps.Update(8, second));
        Assert.Equal((11, 12, NoEntry, NoMap), (bench.Run(7), bench.Run(7), bench.Run(8), bench.Run(9)));
        Assert.True(first.As<uint, ulong>().TryLookup(64, out var counted));
        Assert.Equal(12UL, counted);

        // The table holds what nobody else does, and another map takes its place at once.
        Assert.Equal(first.Id, bench.Maps.LookupId(7));
        first.Dispose();
        using (var opened = bench.Maps.OpenOrNull(7)!)
            Assert.Equal(MapStatus.Ok, opened.As<uint, ulong>().Update(64, 50));
        Assert.Equal(51, bench.Run(7));
        Assert.Equal(MapStatus.Ok, bench.Maps.Update(7, second));
        Assert.Equal(NoEntry, bench.Run(7));
        bench.Maps.Delete(7);
        bench.Maps.Delete(7);
        Assert.Equal(NoMap, bench.Run(7));
        Assert.Null(bench.Maps.OpenOrNull(7));
        Assert.Equal([8UL], bench.Maps.ReadIds().Keys);
    }

    [Fact]
    public void A_hash_table_of_maps_refuses_what_the_kernel_refuses()
    {
        using var bench = new Opened();
        using var inner = bench.Inner();
        Assert.Equal(MapStatus.NotFound, bench.Maps.Update(1, inner, MapUpdate.ReplaceOnly));
        for (var key = 1UL; key <= 4; key++)
            Assert.Equal(MapStatus.Ok, bench.Maps.Update(key, inner, MapUpdate.CreateOnly));
        Assert.Equal(MapStatus.Exists, bench.Maps.Update(1, inner, MapUpdate.CreateOnly));
        Assert.Equal(MapStatus.Full, bench.Maps.Update(5, inner));
        Assert.Equal(MapStatus.Ok, bench.Maps.Update(4, inner, MapUpdate.ReplaceOnly));
        using var other = BpfMap.Create("other", new MapShape(MapType.Hash, 4, 4, 8), bench.Engine);
        Assert.Throws<KernelException>(() => bench.Maps.Update(1, other));
        Assert.Equal(inner.Id, bench.Maps.LookupId(1));
        Assert.Throws<ArgumentException>(() => new HashOfMapsBpf<uint>(bench.Maps));
        Assert.Throws<ArgumentException>(() => new HashOfMapsBpf<ulong>(inner));
    }

    private sealed class Opened : IDisposable
    {
        private readonly BpfObject _object;
        private readonly BpfProgram _program;
        private readonly byte[] _frame = new byte[64];

        internal Opened()
        {
            Engine = TestEngine.Create();
            using var stream = typeof(MapTypeTests).Assembly.GetManifestResourceStream("maptypes.bpf.o")!;
            var elf = new byte[stream.Length];
            stream.ReadExactly(elf);
            _object = BpfObject.Open("maptypes", elf, Engine);
            _object.Load();
            _program = _object.Program("count");
            Maps = new HashOfMapsBpf<ulong>(_object.Map("maps_by_number"));
        }

        internal BpfEngine Engine { get; }

        internal HashOfMapsBpf<ulong> Maps { get; }

        internal BpfMap Inner() => BpfMap.Create("inner", new MapShape(MapType.Hash, 4, 8, 8), Engine);

        internal int Run(uint mark)
        {
            Span<byte> context = stackalloc byte[192];
            context.Clear();
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(context[MarkOffset..], mark);
            return _program.TestRun(_frame, default, context).Verdict;
        }

        public void Dispose()
        {
            Maps.Dispose();
            _program.Dispose();
            _object.Dispose();
        }
    }
}
