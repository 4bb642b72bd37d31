namespace Cilium.Bpf.Native;

/// <summary>A program of the kernel behind its descriptor.</summary>
internal sealed unsafe class KernelProgram(BpfFd fd, string name) : ProgramBackend
{
    internal override string Name => name;

    internal override BpfFd Fd => fd;

    internal override uint Reference => (uint)fd.Number;

    internal override ProgramDescription Describe() => ProgramDescription.Read(fd, name);

    internal override TestRun Run(ReadOnlySpan<byte> dataIn, Span<byte> dataOut, Span<byte> context, int repeat)
    {
        fixed (byte* input = dataIn)
        fixed (byte* output = dataOut)
        fixed (byte* ctx = context)
        {
            var options = new LibBpf.TestRunOptions
            {
                Size = (nuint)sizeof(LibBpf.TestRunOptions),
                DataIn = input,
                DataSizeIn = (uint)dataIn.Length,
                DataOut = output,
                DataSizeOut = (uint)dataOut.Length,
                ContextIn = ctx,
                ContextSizeIn = (uint)context.Length,
                ContextOut = ctx,
                ContextSizeOut = (uint)context.Length,
                Repeat = repeat,
            };
            var result = LibBpf.bpf_prog_test_run_opts(fd, &options);
            if (result < 0)
                throw new KernelException("bpf_prog_test_run_opts", -result, name);
            return new TestRun((int)options.ReturnValue, (int)options.DataSizeOut, options.Duration);
        }
    }

    public override void Dispose() => fd.Dispose();
}
