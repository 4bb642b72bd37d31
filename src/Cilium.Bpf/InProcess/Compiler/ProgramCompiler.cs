using System.Diagnostics.CodeAnalysis;
using System.Reflection.Emit;
using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Compiler;

/// <summary>A compiled function; arguments are registers 1 to 5, the result is register 0.</summary>
internal delegate ulong CompiledFunction(Machine machine, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5);

/// <summary>Compiles a program and its functions to IL, which the runtime compiles to machine code when they are first run.</summary>
internal static class ProgramCompiler
{
    private static readonly Type[] s_parameters = [typeof(Machine), typeof(ulong), typeof(ulong), typeof(ulong), typeof(ulong), typeof(ulong)];

    /// <summary>Compiles for all programs with the same maps whose constants agree but for the bytes that vary.</summary>
    [RequiresDynamicCode("Makes methods at run time; the caller asks RuntimeFeature.IsDynamicCodeSupported first.")]
    internal static CompiledFunction[] Compile(LoadedProgram program, ArrayStorage? constants, bool[] varies)
    {
        var analysis = new KnowledgeAnalysis(program, constants, varies);
        var methods = Array.ConvertAll(program.Functions, function =>
            new DynamicMethod(function.Name, typeof(ulong), s_parameters, typeof(Machine).Module, skipVisibility: true));
        for (var i = 0; i < methods.Length; i++)
            new FunctionCompiler(program, i, methods, analysis.Before[i]).Emit();
        return Array.ConvertAll(methods, method => method.CreateDelegate<CompiledFunction>());
    }
}
