namespace Cilium.Bpf.InProcess;

/// <summary>How an engine of this process behaves.</summary>
public sealed class InProcessOptions
{
    /// <summary>The clock behind <c>bpf_ktime_get_ns</c> and its kin: its timestamps in nanoseconds.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The source of <c>bpf_get_prandom_u32</c>. The engine uses it from one thread at a time unless it is <see cref="Random.Shared"/>.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>Virtual CPUs: the values of a per-CPU map, and the runs that can go on at the same time.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>How programs are executed.</summary>
    public ExecutionForm Form { get; init; } = ExecutionForm.Automatic;

    /// <summary>
    /// Instructions a run may execute. What counts is the length of every function that is entered and of every way back that is jumped,
    /// which is never less than what is executed.
    /// </summary>
    public long InstructionBudget { get; init; } = 10_000_000;

    /// <summary>Code that this engine has in common with others; null for its own.</summary>
    public SharedCode? Code { get; init; }
}

/// <summary>How programs are executed; the results are the same.</summary>
public enum ExecutionForm
{
    /// <summary>Interpreted at first, compiled when it runs often and the runtime can; with NativeAOT interpreted always.</summary>
    Automatic,
    /// <summary>Interpreted, instruction by instruction.</summary>
    Interpreted,
    /// <summary>Compiled to IL, and by the runtime to machine code.</summary>
    Compiled,
}
