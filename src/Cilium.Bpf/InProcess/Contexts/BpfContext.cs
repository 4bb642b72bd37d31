namespace Cilium.Bpf.InProcess;

/// <summary>What a program is run on: a packet or the address of a socket. Reusable; for one run at a time.</summary>
public abstract unsafe class BpfContext
{
    private protected BpfContext()
    {
    }

    /// <summary>The C structure that the program gets in register 1.</summary>
    internal abstract ReadOnlySpan<byte> Structure(ProgramType type);

    internal abstract byte* StructurePointer(ProgramType type);

    /// <summary>Whether programs of a type may write these bytes of the structure.</summary>
    internal abstract bool IsWritable(ProgramType type, uint offset, uint bytes);

    /// <summary>Forgets what an earlier run left.</summary>
    internal abstract void Begin(ProgramType type);
}
