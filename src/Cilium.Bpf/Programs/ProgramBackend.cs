namespace Cilium.Bpf;

/// <summary>A loaded program on one engine.</summary>
internal abstract class ProgramBackend : IDisposable
{
    internal abstract string Name { get; }

    /// <summary>The descriptor.</summary>
    /// <exception cref="InvalidOperationException">The program has none: it lives in this process.</exception>
    internal abstract BpfFd Fd { get; }

    /// <summary>What is written into a program array to store this program there.</summary>
    internal abstract uint Reference { get; }

    internal abstract ProgramDescription Describe();

    /// <summary>Runs the program; see <see cref="BpfProgram.TestRun"/>.</summary>
    internal abstract TestRun Run(ReadOnlySpan<byte> dataIn, Span<byte> dataOut, Span<byte> context, int repeat);

    /// <summary>Runs the program once; see <see cref="BpfProgram.Run(InProcess.BpfContext)"/>.</summary>
    internal virtual int Run(InProcess.BpfContext context, InProcess.IBpfObserver? observer) =>
        throw new InvalidOperationException($"program {Name} is the kernel's; only {nameof(BpfProgram.TestRun)} runs it here");

    /// <summary>See <see cref="BpfProgram.SourceLines"/>.</summary>
    internal virtual IReadOnlyList<string> SourceLines(int line) => [];

    /// <inheritdoc/>
    public abstract void Dispose();
}
