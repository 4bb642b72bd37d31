namespace Cilium.Bpf.InProcess;

/// <summary>A program did what the kernel's verifier would not have let it do. The run has ended; the process is unharmed.</summary>
public sealed class BpfFaultException : Exception
{
    /// <summary>Describes a fault.</summary>
    internal BpfFaultException(string program, string function, int instruction, int register, string reason, string? source)
        : base($"{program}: {reason} at instruction {instruction}"
            + (function == program ? "" : $" of {function}")
            + (register < 0 ? "" : $" (r{register})")
            + (source is null ? "" : $", {source}"))
    {
        Program = program;
        Function = function;
        Instruction = instruction;
        Register = register;
        Reason = reason;
        SourceLine = source;
    }

    /// <summary>The program that was run, or that a tail call led to.</summary>
    public string Program { get; }

    /// <summary>The function of the program; the program's own name for its body.</summary>
    public string Function { get; }

    /// <summary>The instruction, counted from the function's start in units of eight bytes.</summary>
    public int Instruction { get; }

    /// <summary>The register that held the bad address or value, or -1.</summary>
    public int Register { get; }

    /// <summary>What was wrong.</summary>
    public string Reason { get; }

    /// <summary>File, line and text of the C source, when the object has line information.</summary>
    public string? SourceLine { get; }
}
