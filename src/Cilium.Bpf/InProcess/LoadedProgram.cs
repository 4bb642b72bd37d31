using System.Runtime.CompilerServices;
using Cilium.Bpf.InProcess.Compiler;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Interpreter;
using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess;

/// <summary>A program ready to run on machines of its engine. The maps it uses live as long as it does.</summary>
internal sealed class LoadedProgram
{
    private readonly MapStorage[] _maps;
    private readonly CompiledFunction[]? _compiled;

    internal LoadedProgram(InProcessEngine engine, ProgramDeclaration declaration, Function[] functions, MapStorage[] maps, ArrayStorage? constants)
    {
        Engine = engine;
        Declaration = declaration;
        Functions = functions;
        _maps = maps;
        foreach (var map in maps)
            ObjectDisposedException.ThrowIf(!map.TryHold(), map.Name);
        Id = engine.Add(this);
        if (engine.Options.Form != ExecutionForm.Interpreted && RuntimeFeature.IsDynamicCodeSupported)
            _compiled = ProgramCompiler.Compile(this, constants);
    }

    /// <summary>Lets go of the maps when nobody can run the program any more.</summary>
    ~LoadedProgram()
    {
        foreach (var map in _maps ?? [])
            map.Release();
    }

    internal InProcessEngine Engine { get; }

    internal ProgramDeclaration Declaration { get; }

    internal string Name => Declaration.Name;

    internal ProgramType Type => Declaration.Type;

    internal Function[] Functions { get; }

    internal uint Id { get; }

    /// <summary>Whether it was compiled.</summary>
    internal bool IsCompiled => _compiled is not null;

    /// <summary>Runs the body in the current frame.</summary>
    internal ulong Invoke(Machine machine, ulong context)
    {
        if (_compiled is null)
            return Interpretation.Run(machine, this, 0, context, 0, 0, 0, 0);
        var outer = machine.Program;
        machine.Program = this;
        var result = _compiled[0](machine, context, 0, 0, 0, 0);
        machine.Program = outer;
        return result;
    }

    /// <summary>Runs a function in the next frame, for a helper that calls back.</summary>
    internal ulong CallBack(Machine machine, int function, ulong a, ulong b, ulong c, ulong d)
    {
        machine.EnterFrame();
        var result = _compiled is null
            ? Interpretation.Run(machine, this, function, a, b, c, d, 0)
            : _compiled[function](machine, a, b, c, d, 0);
        machine.Depth--;
        return result;
    }
}
