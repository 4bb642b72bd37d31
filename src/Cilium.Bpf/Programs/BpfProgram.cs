namespace Cilium.Bpf;

/// <summary>A loaded program: on the kernel, one that passed the verifier.</summary>
public sealed class BpfProgram : IDisposable
{
    internal BpfProgram(ProgramBackend backend) => Backend = backend;

    /// <summary>The descriptor of a program of the kernel.</summary>
    /// <exception cref="InvalidOperationException">The program lives in this process.</exception>
    public BpfFd Fd => Backend.Fd;

    /// <summary>The full name in the object, or the pin's file name.</summary>
    public string Name => Backend.Name;

    internal ProgramBackend Backend { get; }

    /// <summary>What the engine tells about the program.</summary>
    public ProgramDescription Describe() => Backend.Describe();

    /// <summary>Runs the program on a packet without a device (<c>BPF_PROG_TEST_RUN</c>).</summary>
    /// <param name="dataIn">The packet; at least 14 bytes for programs on devices.</param>
    /// <param name="dataOut">Room for the packet afterwards; may be empty.</param>
    /// <param name="context">The context (as <c>struct __sk_buff</c>), read and written in place; may be empty.</param>
    /// <param name="repeat">Runs; the packet is not reset between them.</param>
    /// <exception cref="KernelException">The run was refused; a packet longer than <paramref name="dataOut"/> is ENOSPC.</exception>
    public TestRun TestRun(ReadOnlySpan<byte> dataIn, Span<byte> dataOut, Span<byte> context = default, int repeat = 1) =>
        Backend.Run(dataIn, dataOut, context, repeat);

    /// <summary>
    /// Runs a program of this process once on a packet (classifiers, XDP) or the address of a socket. Allocates nothing. The context
    /// tells afterwards what became of it.
    /// </summary>
    /// <returns>The verdict.</returns>
    /// <exception cref="InvalidOperationException">The program is the kernel's.</exception>
    /// <exception cref="InProcess.BpfFaultException">The program broke a rule; the process is unharmed.</exception>
    public int Run(InProcess.BpfContext context) => Backend.Run(context, null);

    /// <summary>The same, with an observer that is told of each function entered and each call of a function of the kernel: slow.</summary>
    public int Run(InProcess.BpfContext context, InProcess.IBpfObserver observer) => Backend.Run(context, observer);

    /// <summary>
    /// The lines of C source with a number that code of this program was made from, as <c>file:line: text</c>: one for each source file at most.
    /// Empty for a program of the kernel.
    /// </summary>
    public IReadOnlyList<string> SourceLines(int line) => Backend.SourceLines(line);

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Closes the descriptor; the program lives while attached, pinned or open elsewhere.</summary>
    public void Dispose() => Backend.Dispose();
}

/// <summary>The outcome of a test run.</summary>
/// <param name="Verdict">The program's return value.</param>
/// <param name="DataBytes">Length of the packet afterwards.</param>
/// <param name="Nanoseconds">Time of one run on average, in nanoseconds.</param>
public readonly record struct TestRun(int Verdict, int DataBytes, uint Nanoseconds);
