using System.Reflection.Emit;

namespace Cilium.Bpf.InProcess.Compiler;

/// <summary>Emits numbers in their shortest form: the runtime optimizes methods only up to a size.</summary>
internal static class Numbers
{
    internal static void EmitLong(this ILGenerator il, long value)
    {
        if (value is >= sbyte.MinValue and <= sbyte.MaxValue)
        {
            il.Emit(OpCodes.Ldc_I4_S, (sbyte)value);
            il.Emit(OpCodes.Conv_I8);
        }
        else if (value is >= int.MinValue and <= int.MaxValue)
        {
            il.Emit(OpCodes.Ldc_I4, (int)value);
            il.Emit(OpCodes.Conv_I8);
        }
        else
        {
            il.Emit(OpCodes.Ldc_I8, value);
        }
    }
}
