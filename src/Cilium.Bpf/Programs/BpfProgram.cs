using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>A program that passed the verifier.</summary>
public sealed class BpfProgram : IDisposable
{
    internal BpfProgram(BpfFd fd, string name)
    {
        Fd = fd;
        Name = name;
    }

    /// <summary>The descriptor.</summary>
    public BpfFd Fd { get; }

    /// <summary>The full name in the object, or the pin's file name.</summary>
    public string Name { get; }

    /// <summary>What the kernel tells about the program.</summary>
    public ProgramDescription Describe() => ProgramDescription.Read(Fd, Name);

    /// <summary>Runs the program on a packet without a device (<c>BPF_PROG_TEST_RUN</c>).</summary>
    /// <param name="dataIn">The packet; at least 14 bytes for programs on devices.</param>
    /// <param name="dataOut">Room for the packet afterwards; may be empty.</param>
    /// <param name="context">The context (as <c>struct __sk_buff</c>), read and written in place; may be empty.</param>
    /// <param name="repeat">Runs; the packet is not reset between them.</param>
    /// <exception cref="KernelException">The run was refused; a packet longer than <paramref name="dataOut"/> is ENOSPC.</exception>
    public unsafe TestRun TestRun(ReadOnlySpan<byte> dataIn, Span<byte> dataOut, Span<byte> context = default, int repeat = 1)
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
            var result = LibBpf.bpf_prog_test_run_opts(Fd, &options);
            if (result < 0)
                throw new KernelException("bpf_prog_test_run_opts", -result, Name);
            return new TestRun((int)options.ReturnValue, (int)options.DataSizeOut, options.Duration);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Closes the descriptor; the program lives while attached, pinned or open elsewhere.</summary>
    public void Dispose() => Fd.Dispose();
}

/// <summary>The outcome of a test run.</summary>
/// <param name="Verdict">The program's return value.</param>
/// <param name="DataBytes">Length of the packet afterwards.</param>
/// <param name="Nanoseconds">Time of one run on average, in nanoseconds.</param>
public readonly record struct TestRun(int Verdict, int DataBytes, uint Nanoseconds);
