namespace Cilium.Bpf.InProcess.Compiler;

/// <summary>What is known of a register at an instruction, whatever way led there.</summary>
internal readonly record struct Known(KnownKind Kind, long Value = 0, int Level = 0)
{
    /// <summary>Nothing.</summary>
    internal static readonly Known Nothing = new(KnownKind.Nothing);

    internal static Known Number(ulong value) => new(KnownKind.Number, (long)value);

    internal static Known Join(Known a, Known b) => a == b ? a : Nothing;
}

internal enum KnownKind : byte
{
    /// <summary>Nothing.</summary>
    Nothing,
    /// <summary>A number; also the address of a map or variable.</summary>
    Number,
    /// <summary>An address so many bytes from the top of a frame, that of the function itself or of a caller so many levels up.</summary>
    Frame,
    /// <summary>An address so many bytes into the context.</summary>
    Context,
}
