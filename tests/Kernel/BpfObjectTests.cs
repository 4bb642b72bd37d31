using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cilium.Bpf;

namespace Cilium.KernelTests;

public sealed class BpfObjectTests
{
    [Fact]
    public void Constants_reach_the_program()
    {
        using var probe = KernelObjects.OpenProbe();
        Assert.Equal(7u, BinaryPrimitives.ReadUInt32LittleEndian(probe.GetConstant("probe_answer")));
        probe.SetConstant("probe_answer", 42u);
        probe.Load();
        using var program = probe.Program("probe_const");
        Assert.Equal(42, program.TestRun(new byte[64], new byte[64]).Verdict);
    }

    [Fact]
    public void A_wrong_constant_is_refused_by_name_and_by_size()
    {
        using var probe = KernelObjects.OpenProbe();
        Assert.Contains("probe_nothing", Assert.Throws<ArgumentException>(() => probe.SetConstant("probe_nothing", 1u)).Message, StringComparison.Ordinal);
        Assert.Contains("4 bytes", Assert.Throws<ArgumentException>(() => probe.SetConstant("probe_answer", 1ul)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Declarations_tell_maps_and_programs()
    {
        using var probe = KernelObjects.OpenProbe();
        Assert.Equal(new MapShape(MapType.Hash, 8, 8, 1024), probe.Maps.Single(m => m.Name == "probe_counts").Shape);
        Assert.Equal(new MapShape(MapType.LpmTrie, 8, 4, 64, MapFlags.NoPreallocation), probe.Maps.Single(m => m.Name == "probe_outer").Inner);
        Assert.Equal(AttachType.CgroupInet4Connect, probe.Programs.Single(p => p.Name == "probe_connect4").AttachType);
        Assert.Equal(ProgramType.SchedCls, probe.Programs.Single(p => p.Name == "probe_pass").Type);
        var key = probe.Btf.FindStruct("count_key")!;
        Assert.Equal(8, key.Size);
        Assert.Equal(["ifindex", "direction"], key.Members.Select(m => m.Name));
        Assert.Equal([0, 4], key.Members.Select(m => m.Offset));
    }

    [Fact]
    public void The_verifier_log_ends_the_message()
    {
        using var rejected = BpfObject.Open("rejected", KernelObjects.Bytes("rejected.bpf.o"));
        var error = Assert.Throws<VerifierException>(rejected.Load);
        Assert.Contains("map_value_or_null", error.Message, StringComparison.Ordinal);
        Assert.Contains("rejected", error.Target, StringComparison.Ordinal);
    }

    [Fact]
    public void A_closed_object_is_asked_nothing()
    {
        var probe = KernelObjects.OpenProbe();
        Assert.Equal(1024u, probe.ShapeOf("probe_counts").MaxEntries);
        probe.Dispose();
        probe.Dispose();
        Assert.Throws<ObjectDisposedException>(() => probe.ShapeOf("probe_counts"));
    }

    [Fact]
    public void Bytes_that_are_no_object_are_refused() =>
        Assert.Throws<ArgumentException>(() => BpfObject.Open("noise", new byte[100]));

    [Fact]
    public void Taken_maps_and_programs_outlive_the_object()
    {
        BpfMap<CountKey, ulong> counts;
        BpfProgram pass;
        using (var probe = KernelObjects.OpenProbe())
        {
            probe.Load();
            counts = probe.Map<CountKey, ulong>("probe_counts");
            pass = probe.Program("probe_pass");
        }
        using (counts)
        using (pass)
        {
            Assert.Equal(0, pass.TestRun(new byte[64], new byte[64]).Verdict);
            Assert.Equal(1ul, Assert.Single(counts.ToDictionary()).Value);
            var description = pass.Describe();
            Assert.Equal("probe_pass", description.Name);
            Assert.Contains(description.Id, ProgramDescription.Ids());
            Assert.True(description.VerifiedInstructions > 10);
        }
    }

    [Fact]
    public void A_map_is_shared_between_objects()
    {
        using var first = KernelObjects.OpenProbe();
        first.Load();
        using var counts = first.Map<CountKey, ulong>("probe_counts");
        using var second = KernelObjects.OpenProbe();
        second.ReuseMap("probe_counts", counts);
        second.Load();
        using var pass = second.Program("probe_pass");
        pass.TestRun(new byte[64], new byte[64]);
        Assert.Single(counts.ToDictionary());
    }

    [Fact]
    public void A_ring_buffer_gives_each_record_once()
    {
        using var probe = KernelObjects.OpenProbe();
        probe.SetConstant<byte>("probe_emits", 1);
        probe.Load();
        using var events = probe.Map("probe_events");
        using var pass = probe.Program("probe_pass");
        using var reader = new RingBufferReader(events);
        var sink = new Sink();
        Assert.False(reader.Wait(TimeSpan.Zero));
        for (var round = 0; round < 5; round++)
        {
            // More than the buffer holds in all, so that it wraps.
            for (var i = 0; i < 1000; i++)
                pass.TestRun(new byte[60 + (i % 3)], default);
            Assert.True(reader.Wait(TimeSpan.FromSeconds(60)));
            reader.Drain(sink);
        }
        Assert.Equal(5000, sink.Lengths.Count);
        Assert.Equal(0, reader.PendingBytes);
        Assert.All(sink.Lengths, bytes => Assert.Equal(12, bytes));
    }

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    internal readonly record struct CountKey(uint Ifindex, uint Direction);

    private sealed class Sink : IRingBufferSink
    {
        internal List<int> Lengths { get; } = [];

        public void OnRecord(ReadOnlySpan<byte> record) => Lengths.Add(record.Length);
    }
}
