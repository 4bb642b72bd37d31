using Cilium.Bpf.InProcess.Compiler;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Interpreter;
using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess;

/// <summary>A program ready to run on machines of its engine. The maps it uses live as long as it does.</summary>
internal sealed class LoadedProgram
{
    /// <summary>A program that runs seldom is not worth the compiler's time.</summary>
    private const int RunsBeforeCompilation = 200;

    /// <summary>The maps of the program's object.</summary>
    internal readonly MapStorage[] Maps;

    private readonly ProgramCode _code;
    private readonly ArrayStorage? _constants;
    private readonly int _runsBeforeCompilation;
    private CompiledFunction[]? _compiled;

    internal LoadedProgram(InProcessEngine engine, ProgramDeclaration declaration, ProgramCode code, MapStorage[] maps, ArrayStorage? constants)
    {
        Engine = engine;
        Declaration = declaration;
        _code = code;
        code.Join(constants);
        Maps = maps;
        foreach (var map in maps)
            ObjectDisposedException.ThrowIf(!map.TryHold(), map.Name);
        Id = engine.Add(this);
        _constants = constants;
        _runsBeforeCompilation = engine.Options.Form switch
        {
            ExecutionForm.Interpreted => int.MaxValue,
            ExecutionForm.Compiled => 0,
            _ => RunsBeforeCompilation,
        };
    }

    /// <summary>Lets go of the maps when nobody can run the program any more.</summary>
    ~LoadedProgram()
    {
        foreach (var map in Maps ?? [])
            map.Release();
    }

    internal InProcessEngine Engine { get; }

    internal ProgramDeclaration Declaration { get; }

    internal string Name => Declaration.Name;

    internal ProgramType Type => Declaration.Type;

    internal Function[] Functions => _code.Functions;

    internal uint Id { get; }

    /// <summary>The map of the object that a handle means, or null.</summary>
    internal MapStorage? MapOrNull(ulong handle) => Array.Find(Maps, map => map.Handle == handle);

    /// <summary>Runs the body in the current frame.</summary>
    internal ulong Invoke(Machine machine, ulong context)
    {
        var compiled = Volatile.Read(ref _compiled);
        if (machine.Observer is not null || (compiled is null && _code.Runs < _runsBeforeCompilation))
        {
            _code.Runs++;
            return Interpretation.Run(machine, this, 0, context, 0, 0, 0, 0);
        }
        compiled ??= Compile();
        if (compiled is null)
            return Interpretation.Run(machine, this, 0, context, 0, 0, 0, 0);
        var outer = machine.Program;
        machine.Program = this;
        var result = compiled[0](machine, context, 0, 0, 0, 0);
        machine.Program = outer;
        return result;
    }

    private CompiledFunction[]? Compile()
    {
        var compiled = _code.Compile(this, _constants);
        Volatile.Write(ref _compiled, compiled);
        return compiled;
    }

    /// <summary>Runs a function in the next frame, for a helper that calls back.</summary>
    internal ulong CallBack(Machine machine, int function, ulong a, ulong b, ulong c, ulong d)
    {
        machine.EnterFrame();
        var compiled = machine.Observer is null ? Volatile.Read(ref _compiled) : null;
        var result = compiled is null
            ? Interpretation.Run(machine, this, function, a, b, c, d, 0)
            : compiled[function](machine, a, b, c, d, 0);
        machine.Depth--;
        return result;
    }
}
