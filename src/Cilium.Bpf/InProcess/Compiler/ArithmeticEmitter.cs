using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Reflection.Emit;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Interpreter;

namespace Cilium.Bpf.InProcess.Compiler;

/// <summary>Emits arithmetic and logic.</summary>
[RequiresDynamicCode("Makes methods at run time.")]
internal static class ArithmeticEmitter
{
    internal static void Emit64(FunctionCompiler function, in Instruction i)
    {
        var il = function.Il;
        switch (i.Opcode & 0xf0)
        {
            case 0x00: Binary(function, i, OpCodes.Add); break;
            case 0x10: Binary(function, i, OpCodes.Sub); break;
            case 0x20: Binary(function, i, OpCodes.Mul); break;
            case 0x30: CallBinary(function, i, i.Offset == 0 ? nameof(Arithmetic.Divide) : nameof(Arithmetic.DivideSigned)); break;
            case 0x40: Binary(function, i, OpCodes.Or); break;
            case 0x50: Binary(function, i, OpCodes.And); break;
            case 0x60: Shift(function, i, OpCodes.Shl); break;
            case 0x70: Shift(function, i, OpCodes.Shr_Un); break;
            case 0x80: function.Get(i.Destination); il.Emit(OpCodes.Neg); break;
            case 0x90: CallBinary(function, i, i.Offset == 0 ? nameof(Arithmetic.Modulo) : nameof(Arithmetic.ModuloSigned)); break;
            case 0xa0: Binary(function, i, OpCodes.Xor); break;
            case 0xb0:
                function.Operand(i);
                if (i.Offset != 0)
                {
                    il.Emit(i.Offset switch { 8 => OpCodes.Conv_I1, 16 => OpCodes.Conv_I2, _ => OpCodes.Conv_I4 });
                    il.Emit(OpCodes.Conv_I8);
                }
                break;
            case 0xc0: Shift(function, i, OpCodes.Shr); break;
            default: Swap(function, i, nameof(Arithmetic.SwapToBig)); break;
        }
        function.Set(i.Destination);
    }

    internal static void Emit32(FunctionCompiler function, in Instruction i)
    {
        var il = function.Il;
        switch (i.Opcode & 0xf0)
        {
            case 0x00: Binary(function, i, OpCodes.Add); break;
            case 0x10: Binary(function, i, OpCodes.Sub); break;
            case 0x20: Binary(function, i, OpCodes.Mul); break;
            case 0x30: CallBinary(function, i, i.Offset == 0 ? nameof(Arithmetic.Divide32) : nameof(Arithmetic.DivideSigned32)); break;
            case 0x40: Binary(function, i, OpCodes.Or); break;
            case 0x50: Binary(function, i, OpCodes.And); break;
            case 0x60: Shift32(function, i, OpCodes.Shl); break;
            case 0x70: Shift32(function, i, OpCodes.Shr_Un); break;
            case 0x80: function.Get(i.Destination); il.Emit(OpCodes.Neg); break;
            case 0x90: CallBinary(function, i, i.Offset == 0 ? nameof(Arithmetic.Modulo32) : nameof(Arithmetic.ModuloSigned32)); break;
            case 0xa0: Binary(function, i, OpCodes.Xor); break;
            case 0xb0:
                function.Operand(i);
                if (i.Offset != 0)
                    il.Emit(i.Offset == 8 ? OpCodes.Conv_I1 : OpCodes.Conv_I2);
                break;
            case 0xc0: Shift32(function, i, OpCodes.Shr); break;
            default:
                // A byte swap sets all 64 bits by its own width.
                Swap(function, i, i.UsesRegister ? nameof(Arithmetic.SwapToBig) : nameof(Arithmetic.Truncate));
                function.Set(i.Destination);
                return;
        }
        il.Emit(OpCodes.Conv_U4);
        il.Emit(OpCodes.Conv_U8);
        function.Set(i.Destination);
    }

    private static void Binary(FunctionCompiler function, in Instruction i, OpCode operation)
    {
        function.Get(i.Destination);
        function.Operand(i);
        function.Il.Emit(operation);
    }

    private static void CallBinary(FunctionCompiler function, in Instruction i, string name)
    {
        function.Get(i.Destination);
        function.Operand(i);
        function.Il.Emit(OpCodes.Call, Method(name));
    }

    private static void Swap(FunctionCompiler function, in Instruction i, string name)
    {
        function.Get(i.Destination);
        function.Il.Emit(OpCodes.Ldc_I4, i.Immediate);
        function.Il.Emit(OpCodes.Call, Method(name));
    }

    private static void Shift(FunctionCompiler function, in Instruction i, OpCode operation)
    {
        function.Get(i.Destination);
        Amount(function, i, 63);
        function.Il.Emit(operation);
    }

    private static void Shift32(FunctionCompiler function, in Instruction i, OpCode operation)
    {
        function.Get(i.Destination);
        function.Il.Emit(OpCodes.Conv_I4);
        Amount(function, i, 31);
        function.Il.Emit(operation);
    }

    private static void Amount(FunctionCompiler function, in Instruction i, int mask)
    {
        if (!i.UsesRegister)
        {
            function.Il.Emit(OpCodes.Ldc_I4, i.Immediate & mask);
            return;
        }
        function.Get(i.Source);
        function.Il.Emit(OpCodes.Conv_I4);
        function.Il.Emit(OpCodes.Ldc_I4, mask);
        function.Il.Emit(OpCodes.And);
    }

    private static MethodInfo Method(string name) => typeof(Arithmetic).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!;
}
