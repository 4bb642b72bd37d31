namespace Cilium.Bpf.InProcess;

/// <summary>Watches a run: see <see cref="BpfProgram.Run(BpfContext, IBpfObserver)"/>.</summary>
public interface IBpfObserver
{
    /// <summary>A program begins, or a function of it; both names are equal for the program's body.</summary>
    /// <param name="program">The program.</param>
    /// <param name="function">The function.</param>
    /// <param name="calledFrom">File, line and text of the C source that called it, when the object has line information; null for the body.</param>
    void OnEnter(string program, string function, string? calledFrom);

    /// <summary>A function of the kernel was called and has returned. The bytes are valid during the call only.</summary>
    void OnCall(in BpfCall call);
}

/// <summary>A call of a function of the kernel.</summary>
public readonly ref struct BpfCall
{
    /// <summary>The program.</summary>
    public required string Program { get; init; }

    /// <summary>The function of the program that called.</summary>
    public required string Function { get; init; }

    /// <summary>The instruction in it.</summary>
    public required int Instruction { get; init; }

    /// <summary>File, line and text of the C source, when the object has line information.</summary>
    public string? SourceLine { get; init; }

    /// <summary>The function of the kernel, without the prefix <c>bpf_</c>: <c>map_lookup_elem</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What it returned; for lookups not zero when found.</summary>
    public required long Result { get; init; }

    /// <summary>The map it was about, or null.</summary>
    public string? Map { get; init; }

    /// <summary>The key, for calls on maps that have keys.</summary>
    public ReadOnlySpan<byte> Key { get; init; }

    /// <summary>The value that was found, or written; empty when there is none.</summary>
    public ReadOnlySpan<byte> Value { get; init; }
}
