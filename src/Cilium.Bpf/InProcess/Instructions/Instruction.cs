using System.Runtime.InteropServices;

namespace Cilium.Bpf.InProcess.Instructions;

/// <summary>One instruction, decoded (RFC 9669). The second half of a 64-bit immediate is a no-operation that nothing reaches.</summary>
[StructLayout(LayoutKind.Auto)]
internal struct Instruction
{
    internal byte Opcode;
    internal byte Destination;
    internal byte Source;
    internal short Offset;
    internal int Immediate;

    /// <summary>
    /// The immediate extended to 64 bits; of a 64-bit immediate the resolved value; of a jump or a call the instruction or function
    /// it leads to.
    /// </summary>
    internal ulong Value;

    internal readonly int Class => Opcode & 7;

    internal readonly bool UsesRegister => (Opcode & Op.Register) != 0;
}

/// <summary>Parts of opcodes.</summary>
internal static class Op
{
    internal const int Load = 0;
    internal const int LoadRegister = 1;
    internal const int Store = 2;
    internal const int StoreRegister = 3;
    internal const int Alu32 = 4;
    internal const int Jump = 5;
    internal const int Jump32 = 6;
    internal const int Alu64 = 7;

    internal const int Register = 8;

    internal const byte WideImmediate = 0x18;
    internal const byte JumpAlways = 0x05;
    internal const byte JumpAlways32 = 0x06;
    internal const byte Call = 0x85;
    internal const byte CallRegister = 0x8d;
    internal const byte Exit = 0x95;
    internal const byte Atomic32 = 0xc3;
    internal const byte Atomic64 = 0xdb;

    internal const int ModeMemory = 0x60;
    internal const int ModeSignExtended = 0x80;

    /// <summary>Second halves of 64-bit immediates.</summary>
    internal const byte Nothing = 0;

    /// <summary>Bytes that a load or store touches.</summary>
    internal static int Size(byte opcode) => (opcode & 0x18) switch { 0x00 => 4, 0x08 => 2, 0x10 => 1, _ => 8 };
}
