using System.Runtime.CompilerServices;
using Cilium.Bpf.InProcess.Compiler;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Maps;

namespace Cilium.Bpf.InProcess;

/// <summary>
/// The linked code of a program, which engines may have in common. Compiled code takes for known what all engines that joined have as the same
/// constants; one that differs later gets code of its own, from which its difference is left out. Safe for use from many threads.
/// </summary>
internal sealed class ProgramCode(Function[] functions)
{
    private readonly Lock _lock = new();
    private byte[]? _constants;
    private bool[] _varies = [];
    private bool[] _compiledVaries = [];
    private CompiledFunction[]? _compiled;

    /// <summary>The program's body first, then the functions it reaches.</summary>
    internal Function[] Functions { get; } = functions;

    /// <summary>Interpreted runs so far, nearly: it is no matter when threads lose some.</summary>
    internal int Runs { get; set; }

    /// <summary>Times it was compiled.</summary>
    internal int Compilations { get; private set; }

    /// <summary>One more engine has loaded the code, with these constants.</summary>
    internal void Join(ArrayStorage? constants)
    {
        if (constants is null)
            return;
        lock (_lock)
        {
            if (_constants is null)
            {
                _constants = constants.FirstValue.ToArray();
                _varies = new bool[_constants.Length];
                return;
            }
            var own = constants.FirstValue;
            for (var i = 0; i < own.Length; i++)
                _varies[i] |= own[i] != _constants[i];
        }
    }

    /// <summary>Code for a program that has joined; null where nothing can be compiled at run time.</summary>
    internal CompiledFunction[]? Compile(LoadedProgram program, ArrayStorage? constants)
    {
        if (!RuntimeFeature.IsDynamicCodeSupported)
            return null;
        lock (_lock)
        {
            if (_compiled is null || !IsCompiledFor(constants))
            {
                _compiledVaries = [.. _varies];
                _compiled = ProgramCompiler.Compile(program, constants, _compiledVaries);
                Compilations++;
            }
            return _compiled;
        }
    }

    private bool IsCompiledFor(ArrayStorage? constants)
    {
        if (constants is null)
            return true;
        var own = constants.FirstValue;
        for (var i = 0; i < own.Length; i++)
        {
            if (!_compiledVaries[i] && own[i] != _constants![i])
                return false;
        }
        return true;
    }
}
