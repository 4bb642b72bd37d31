using System.Buffers.Binary;
using Cilium.Bpf;

namespace Cilium.DatapathTests;

/// <summary>XDP programs by an object of the tests' own: the same on both engines.</summary>
public sealed class XdpTests
{
    private const int Aborted = 0, Pass = 2, Send = 3, Redirected = 4;
    private const int Invalid = -22, Fault = -14, Denied = -13;

    [Theory, InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(99)]
    public void A_verdict_is_what_the_program_said(byte verdict)
    {
        using var bench = new XdpBench(TestEngine.Create());
        var after = bench.Run(new Order { Verdict = verdict }.Frame(60));
        Assert.Equal((verdict, 60, 60, 0), (after.Verdict, after.Data.Length, (int)after.Results[5], (int)after.Results[6]));
        Assert.Equal((1, 0, 60), ((int)after.Results[8], (int)after.Results[9], (int)after.Results[10]));
    }

    [Fact]
    public void A_frame_that_is_too_short_for_the_program_is_aborted()
    {
        using var bench = new XdpBench(TestEngine.Create());
        Assert.Equal(Aborted, bench.Run(new byte[22]).Verdict);
    }

    [Fact]
    public void The_beginning_moves_both_ways_and_what_was_cut_off_comes_back()
    {
        using var bench = new XdpBench(TestEngine.Create());
        var frame = new Order { Verdict = Send, Head = -20, Stamp = 0x77 }.Frame(60);
        var after = bench.Run(frame);
        Assert.Equal((Send, 0L, 80), (after.Verdict, after.Results[0], after.Data.Length));
        // The stamp is at the offset that the order gives (none: the beginning), the rest is zero and then the frame.
        Assert.Equal((byte)0x77, after.Data[0]);
        Assert.DoesNotContain(after.Data[1..20], octet => octet != 0);
        Assert.Equal(frame, after.Data[20..]);

        after = bench.Run(new Order { Verdict = Send, Head = 20 }.Frame(60));
        Assert.Equal(40, after.Data.Length);
        Assert.Equal((0L, (long)Invalid, (long)Invalid), (bench.Run(new Order { Head = -216 }.Frame(60)).Results[0],
            bench.Run(new Order { Head = -217 }.Frame(60)).Results[0], bench.Run(new Order { Head = 47 }.Frame(60)).Results[0]));

        // Run twice without a reset: the second run takes back what the first one cut off.
        var back = new Order { Head = 24, Offset = 60000 }.Frame(60);
        new Order { Head = -24, Offset = 60000 }.Frame(36).CopyTo(back, 24);
        after = bench.Run(back, repeat: 2);
        Assert.Equal(60, after.Data.Length);
        Assert.Equal(back[..20], after.Data[..20]);
    }

    [Fact]
    public void What_is_said_about_a_frame_moves_with_it_and_is_a_number_of_words()
    {
        using var bench = new XdpBench(TestEngine.Create());
        var after = bench.Run(new Order { Verdict = Pass, Meta = -8, Stamp = 0x55 }.Frame(60));
        Assert.Equal((0L, 8L, 0x55L), (after.Results[1], after.Results[6], after.Results[7]));
        Assert.Equal((68, 8, 68), (after.Data.Length, after.Begin, after.End));
        Assert.Equal([0x55, 0, 0, 0, 0, 0, 0, 0, 0x55], after.Data[..9]);
        Assert.Equal(((long)Denied, (long)Invalid, 0L), (bench.Run(new Order { Meta = -6 }.Frame(60)).Results[1],
            bench.Run(new Order { Meta = 4 }.Frame(60)).Results[1], bench.Run(new Order { Meta = -216 }.Frame(60)).Results[1]));
        Assert.Equal(Invalid, bench.Run(new Order { Meta = -220 }.Frame(60)).Results[1]);

        // Given with the frame, moved along with its beginning, and read.
        byte[] said = [1, 2, 3, 4, 5, 6, 7, 8];
        after = bench.Run([.. said, .. new Order { Verdict = Pass, Head = 12 }.Frame(60)], metadata: 8);
        Assert.Equal((0L, 8L, 0x04030201L, 48L), (after.Results[0], after.Results[6], after.Results[7], after.Results[5]));
        Assert.Equal(said, after.Data[..8]);
        after = bench.Run([.. said, .. new Order { Verdict = Pass, Head = -12, Meta = 4 }.Frame(60)], metadata: 8);
        Assert.Equal((0L, 4L, 0x08070605L, 76), (after.Results[0], after.Results[6], after.Results[7], after.Data.Length));
    }

    [Fact]
    public void The_end_moves_within_the_page()
    {
        using var bench = new XdpBench(TestEngine.Create());
        var frame = new Order { Tail = 100 }.Frame(60);
        var after = bench.Run(frame);
        Assert.Equal((0L, 160), (after.Results[2], after.Data.Length));
        Assert.DoesNotContain(after.Data[60..], octet => octet != 0);
        Assert.Equal(3520, bench.Run(new Order { Tail = 3460 }.Frame(60)).Data.Length);
        Assert.Equal((Invalid, 14, Invalid), ((int)bench.Run(new Order { Tail = 3461 }.Frame(60)).Results[2],
            bench.Run(new Order { Tail = -46 }.Frame(60)).Data.Length, (int)bench.Run(new Order { Tail = -47 }.Frame(60)).Results[2]));
    }

    [Fact]
    public void Bytes_are_read_and_written_where_the_frame_has_them()
    {
        using var bench = new XdpBench(TestEngine.Create());
        var after = bench.Run(new Order { Offset = 52, Stamp = 0x99 }.Frame(60));
        Assert.Equal((0L, 0L, 0x99), (after.Results[3], after.Results[4], after.Data[52]));
        Assert.Equal(((long)Invalid, (long)Invalid), Both(53));
        Assert.Equal(((long)Invalid, (long)Invalid), Both(65535));
        Assert.Equal(((long)Fault, (long)Fault), Both(65536));

        (long Load, long Store) Both(uint offset) => bench.Run(new Order { Offset = offset }.Frame(60)) is var run ? (run.Results[3], run.Results[4]) : default;
    }

    [Fact]
    public void A_redirect_without_flags_is_the_verdict_for_it()
    {
        using var bench = new XdpBench(TestEngine.Create(), "redirect");
        var frame = new Order().Frame(60);
        (frame[6], frame[7]) = (1, 0);
        Assert.Equal(Redirected, bench.Run(frame).Verdict);
        frame[7] = 1;
        Assert.Equal(Aborted, bench.Run(frame).Verdict);
    }

    [Fact]
    public void A_tail_call_goes_to_a_program_of_the_same_hook()
    {
        using var bench = new XdpBench(TestEngine.Create(), "pass_on");
        Assert.Equal(Pass, bench.Run(new Order { Verdict = Send }.Frame(60)).Verdict);
        using var obey = bench.Object.Program("obey");
        using var programs = new ProgArrayBpf(bench.Object.Map("programs"));
        programs.Set(1, obey);
        Assert.Equal(Send, bench.Run(new Order { Verdict = Send }.Frame(60)).Verdict);
    }

    [Theory]
    [InlineData(3, 60u, 0u, 0u, 0u)]
    [InlineData(0, 61u, 0u, 0u, 0u)]
    [InlineData(0, 60u, 1u, 0u, 0u)]
    [InlineData(0, 60u, 0u, 0u, 1u)]
    [InlineData(0, 60u, 0u, 1u, 0u)]
    [InlineData(220, 300u, 0u, 0u, 0u)]
    public void A_run_with_a_context_that_makes_no_sense_is_refused(uint begin, uint end, uint meta, uint queue, uint egress)
    {
        using var bench = new XdpBench(TestEngine.Create());
        var context = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(context, begin);
        BinaryPrimitives.WriteUInt32LittleEndian(context.AsSpan(4), end);
        BinaryPrimitives.WriteUInt32LittleEndian(context.AsSpan(8), meta);
        BinaryPrimitives.WriteUInt32LittleEndian(context.AsSpan(16), queue);
        BinaryPrimitives.WriteUInt32LittleEndian(context.AsSpan(20), egress);
        var refused = Assert.Throws<KernelException>(() => bench.Program.TestRun(new byte[Math.Min(end, 300) is 300 ? 300 : 60], new byte[4096], context));
        Assert.Equal(22, refused.Errno);
    }

    [Fact]
    public void Engines_agree_on_random_orders()
    {
        var benches = TestEngine.Compared().Select(engine => new XdpBench(engine)).ToArray();
        Differential.Check(500, 40, choices =>
        {
            var metadata = choices.OneIn(3) ? choices.Below(55) * 4 : 0;
            var order = new Order
            {
                Verdict = choices.Byte(),
                Stamp = choices.OneIn(2) ? choices.Byte() : (byte)0,
                Head = Near(choices, 20, 260),
                Meta = (short)(choices.OneIn(2) ? 4 * Near(choices, 10, 60) : Near(choices, 10, 260)),
                Tail = Near(choices, 100, 3600),
                Offset = (uint)(choices.OneIn(3) ? choices.Below(70_000) : choices.Below(200)),
            };
            var frame = order.Frame(choices.OneIn(4) ? 14 + choices.Below(3507 - metadata) : 25 + choices.Below(200));
            var said = new byte[metadata];
            for (var i = 0; i < said.Length; i++)
                said[i] = choices.Byte();
            var repeat = 1 + choices.Below(3);
            var expected = benches[0].Run([.. said, .. frame], metadata, repeat);
            foreach (var bench in benches[1..])
            {
                var found = bench.Run([.. said, .. frame], metadata, repeat);
                Assert.Equal((expected.Verdict, expected.Begin, expected.End), (found.Verdict, found.Begin, found.End));
                Assert.Equal(expected.Data, found.Data);
                Assert.Equal(expected.Results, found.Results);
            }
        });
        foreach (var bench in benches)
            bench.Dispose();

        static short Near(Choices choices, int near, int far) =>
            (short)(choices.OneIn(3) ? 0 : choices.OneIn(2) ? choices.Below(2 * near) - near : choices.Below(2 * far) - far);
    }

    private sealed record Order
    {
        internal byte Verdict { get; init; } = Pass;

        internal byte Stamp { get; init; }

        internal short Head { get; init; }

        internal short Meta { get; init; }

        internal short Tail { get; init; }

        internal uint Offset { get; init; }

        internal byte[] Frame(int bytes)
        {
            Span<byte> order = stackalloc byte[26];
            order.Clear();
            order[..12].Fill(0x02);
            order[14] = Verdict;
            order[15] = Stamp;
            BinaryPrimitives.WriteInt16LittleEndian(order[16..], Head);
            BinaryPrimitives.WriteInt16LittleEndian(order[18..], Meta);
            BinaryPrimitives.WriteInt16LittleEndian(order[20..], Tail);
            BinaryPrimitives.WriteUInt32LittleEndian(order[22..], Offset);
            var frame = new byte[bytes];
            order[..Math.Min(order.Length, bytes)].CopyTo(frame);
            for (var i = order.Length; i < bytes; i++)
                frame[i] = (byte)(i * 7);
            return frame;
        }
    }

    private sealed record Outcome(int Verdict, byte[] Data, int Begin, int End, long[] Results);

    private sealed class XdpBench : IDisposable
    {
        private const int Results = 11;
        private readonly BpfMap<uint, long> _results;
        private readonly byte[] _output = new byte[8192];

        internal XdpBench(BpfEngine engine, string program = "obey")
        {
            using var stream = typeof(XdpTests).Assembly.GetManifestResourceStream("xdp.bpf.o")!;
            var elf = new byte[stream.Length];
            stream.ReadExactly(elf);
            Object = BpfObject.Open("xdp", elf, engine);
            Object.Load();
            Program = Object.Program(program);
            _results = Object.Map<uint, long>("results");
        }

        internal BpfObject Object { get; }

        internal BpfProgram Program { get; }

        internal Outcome Run(ReadOnlySpan<byte> data, int metadata = 0, int repeat = 1)
        {
            for (var i = 0u; i < Results; i++)
                _results.Update(i, 0);
            Span<byte> context = stackalloc byte[24];
            context.Clear();
            BinaryPrimitives.WriteInt32LittleEndian(context, metadata);
            BinaryPrimitives.WriteInt32LittleEndian(context[4..], data.Length);
            var run = Program.TestRun(data, _output, context, repeat);
            var results = new long[Results];
            for (var i = 0u; i < Results; i++)
                Assert.True(_results.TryLookup(i, out results[i]));
            return new Outcome(run.Verdict, _output[..run.DataBytes], BinaryPrimitives.ReadInt32LittleEndian(context), BinaryPrimitives.ReadInt32LittleEndian(context[4..]), results);
        }

        public void Dispose()
        {
            _results.Dispose();
            Program.Dispose();
            Object.Dispose();
        }
    }
}
