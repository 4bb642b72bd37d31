using System.Buffers.Binary;
using System.Diagnostics;
using Cilium.Bpf.InProcess.Contexts;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess;

/// <summary>A program of this process; a test run takes and gives what the kernel's does.</summary>
internal sealed class InProcessProgram(LoadedProgram program) : ProgramBackend
{
    private const int EthernetBytes = 14;
    private const int MaximumFrame = 1 << 16;

    private static readonly (int Offset, int Bytes)[] s_settable =
    [
        (SkbFields.Mark, 4), (SkbFields.Priority, 4), (SkbFields.IngressIfindex, 4), (SkbFields.Ifindex, 4), (SkbFields.Cb, SkbFields.CbBytes),
        (SkbFields.Timestamp, 8), (SkbFields.WireLength, 4), (SkbFields.GsoSegments, 4), (SkbFields.GsoSize, 4), (SkbFields.HardwareTimestamp, 8),
    ];

    private bool _isClosed;

    internal LoadedProgram Program => program;

    internal override string Name => program.Name;

    internal override BpfFd Fd => throw new InvalidOperationException($"program {Name} lives in this process and has no descriptor");

    internal override uint Reference => Open().Id;

    internal override ProgramDescription Describe() => new()
    {
        Id = Open().Id,
        Name = Name,
        Type = program.Type,
        Tag = "0000000000000000",
        TranslatedBytes = program.Functions.Sum(function => function.Code.Length) * 8,
        JitedBytes = 0,
        VerifiedInstructions = 0,
        Runs = 0,
        RunNanoseconds = 0,
        LoadedAt = 0,
    };

    internal LoadedProgram Open()
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        return program;
    }

    internal override TestRun Run(ReadOnlySpan<byte> dataIn, Span<byte> dataOut, Span<byte> context, int repeat) => Open().Type switch
    {
        ProgramType.SchedCls or ProgramType.Xdp => RunPacket(dataIn, dataOut, context, Math.Max(repeat, 1)),
        ProgramType.CgroupSockAddr => RunAddress(context, Math.Max(repeat, 1)),
        _ => throw Refused(Errno.NotSupported),
    };

    internal override int Run(BpfContext context, IBpfObserver? observer)
    {
        var fits = Open().Type == ProgramType.CgroupSockAddr ? context is BpfSocketAddress : context is BpfPacket;
        return fits ? program.Engine.Run(program, context, observer) : throw new ArgumentException($"{Name} is a program of type {program.Type}", nameof(context));
    }

    internal override IReadOnlyList<string> SourceLines(int line) =>
        [.. Open().Functions.SelectMany(function => function.Lines).Where(source => source.Line == line).Select(source => source.ToString()).Distinct()];

    public override void Dispose() => _isClosed = true;

    private TestRun RunPacket(ReadOnlySpan<byte> dataIn, Span<byte> dataOut, Span<byte> context, int repeat)
    {
        if (dataIn.Length is < EthernetBytes or > MaximumFrame)
            throw Refused(Errno.Invalid);
        var isClassifier = program.Type == ProgramType.SchedCls;
        var packet = program.Engine.TakeScratch();
        try
        {
            if (isClassifier)
                LoadClassified(packet, dataIn, context);
            else if (XdpTestRun.Load(packet, dataIn, context) is < 0 and var refused)
                throw Refused(-refused);
            var begin = Stopwatch.GetTimestamp();
            var verdict = 0;
            for (var i = 0; i < repeat; i++)
                verdict = program.Engine.Run(program, packet);
            var elapsed = Stopwatch.GetElapsedTime(begin);
            if (isClassifier)
                WriteContext(packet, context);
            else
                XdpTestRun.WriteContext(packet, context);
            var data = packet.BytesAndMetadata;
            if (!dataOut.IsEmpty)
            {
                data[..Math.Min(data.Length, dataOut.Length)].CopyTo(dataOut);
                if (data.Length > dataOut.Length)
                    throw Refused(Errno.NoSpace);
            }
            return new TestRun(verdict, data.Length, (uint)Math.Min(uint.MaxValue, elapsed.TotalNanoseconds / repeat));
        }
        finally
        {
            program.Engine.GiveBackScratch(packet);
        }
    }

    private void LoadClassified(BpfPacket packet, ReadOnlySpan<byte> frame, ReadOnlySpan<byte> context)
    {
        packet.Load(frame);
        // The kernel runs no classifier on less than the header that the Ethernet type promises.
        var payload = frame.Length - EthernetBytes;
        if (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch { 0x0800 => payload < 20, 0x86DD => payload < 40, _ => false })
            throw Refused(Errno.Invalid);
        packet.Ifindex = 1;
        packet.IsGsoUntyped = true;
        if (!context.IsEmpty)
            ReadContext(packet, context);
    }

    private static void WriteContext(BpfPacket packet, Span<byte> context)
    {
        foreach (var (offset, bytes) in s_settable)
        {
            // The kernel takes the size of segments and does not give it back.
            if (offset != SkbFields.GsoSize && offset + bytes <= context.Length)
                packet.Field(offset, bytes).CopyTo(context[offset..]);
        }
    }

    private void ReadContext(BpfPacket packet, ReadOnlySpan<byte> context)
    {
        if (context.Length > SkbFields.Bytes && context[SkbFields.Bytes..].ContainsAnyExcept((byte)0))
            throw Refused(Errno.TooBig);
        Span<byte> rest = stackalloc byte[SkbFields.Bytes];
        rest.Clear();
        context[..Math.Min(context.Length, SkbFields.Bytes)].CopyTo(rest);
        foreach (var (offset, bytes) in s_settable)
        {
            rest.Slice(offset, bytes).CopyTo(packet.Field(offset, bytes));
            rest.Slice(offset, bytes).Clear();
        }
        if (rest.ContainsAnyExcept((byte)0))
            throw Refused(Errno.Invalid);
        if (packet.Ifindex == 0)
            packet.Ifindex = 1;
    }

    /// <summary>The kernel has no test run for these: the context is <c>struct bpf_sock_addr</c>, changed in place.</summary>
    private TestRun RunAddress(Span<byte> context, int repeat)
    {
        if (context.Length < BpfSocketAddress.StructureBytes)
            throw Refused(Errno.Invalid);
        using var address = new BpfSocketAddress { Cookie = 1 };
        context[..BpfSocketAddress.StructureBytes].CopyTo(address.Fields);
        var verdict = 0;
        var begin = Stopwatch.GetTimestamp();
        for (var i = 0; i < repeat; i++)
            verdict = program.Engine.Run(program, address);
        var elapsed = Stopwatch.GetElapsedTime(begin);
        address.Fields.CopyTo(context);
        // Where the socket is, is nobody's business outside of the run.
        context.Slice(BpfSocketAddress.SocketPointer, sizeof(ulong)).Clear();
        return new TestRun(verdict, 0, (uint)(elapsed.TotalNanoseconds / repeat));
    }

    private KernelException Refused(int errno) => new("test run", errno, Name);
}
