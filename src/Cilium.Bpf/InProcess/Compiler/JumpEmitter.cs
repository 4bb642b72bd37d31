using System.Diagnostics.CodeAnalysis;
using System.Reflection.Emit;
using Cilium.Bpf.InProcess.Instructions;

namespace Cilium.Bpf.InProcess.Compiler;

/// <summary>Emits conditional jumps.</summary>
[RequiresDynamicCode("Makes methods at run time.")]
internal static class JumpEmitter
{
    internal static void Emit(FunctionCompiler function, in Instruction i, Label target)
    {
        var il = function.Il;
        function.Get(i.Destination);
        if (i.Class == Op.Jump32)
            il.Emit(OpCodes.Conv_I4);
        function.Operand(i);
        if (i.Class == Op.Jump32)
            il.Emit(OpCodes.Conv_I4);
        switch (i.Opcode & 0xf0)
        {
            case 0x10: il.Emit(OpCodes.Beq, target); break;
            case 0x20: il.Emit(OpCodes.Bgt_Un, target); break;
            case 0x30: il.Emit(OpCodes.Bge_Un, target); break;
            case 0x40: il.Emit(OpCodes.And); il.Emit(OpCodes.Brtrue, target); break;
            case 0x50: il.Emit(OpCodes.Bne_Un, target); break;
            case 0x60: il.Emit(OpCodes.Bgt, target); break;
            case 0x70: il.Emit(OpCodes.Bge, target); break;
            case 0xa0: il.Emit(OpCodes.Blt_Un, target); break;
            case 0xb0: il.Emit(OpCodes.Ble_Un, target); break;
            case 0xc0: il.Emit(OpCodes.Blt, target); break;
            default: il.Emit(OpCodes.Ble, target); break;
        }
    }
}
