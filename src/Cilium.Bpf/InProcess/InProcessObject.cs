using Cilium.Bpf.InProcess.Calls;
using Cilium.Bpf.InProcess.Elf;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess;

/// <summary>An object for an engine of this process.</summary>
internal sealed class InProcessObject : ObjectBackend
{
    private readonly InProcessEngine _engine;
    private readonly ObjectFile _file;
    private readonly Dictionary<string, MapPlan> _plans = [];
    private readonly Dictionary<string, MapShape> _shapes = [];
    private readonly Dictionary<string, InProcessMap> _maps = [];
    private readonly Dictionary<string, LoadedProgram> _programs = [];
    private readonly HashSet<string> _leftOut = [];
    private readonly Dictionary<string, byte[]> _initial = [];

    internal InProcessObject(InProcessEngine engine, string name, ReadOnlySpan<byte> elf)
    {
        _engine = engine;
        _file = engine.Options.Code is { } shared ? shared.Read(name, elf) : ObjectFile.Read(name, elf);
        foreach (var plan in _file.Maps.Where(plan => plan.Initial is not null))
            _initial[plan.Declaration.Name] = [.. plan.Initial!];
        foreach (var plan in _file.Maps)
        {
            if (!_plans.TryAdd(plan.Declaration.Name, plan))
                throw new BpfObjectException(name, ".maps", plan.Declaration.Name, "two maps have this name");
            _shapes[plan.Declaration.Name] = plan.Declaration.Shape;
        }
        if (_file.Programs.GroupBy(program => program.Declaration.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new BpfObjectException(name, twice.First().Declaration.Section, twice.Key, "two programs have this name");
    }

    internal override Btf Btf => _file.Btf;

    internal override IReadOnlyList<MapDeclaration> Maps => _file.Maps.ConvertAll(plan => plan.Declaration);

    internal override IReadOnlyList<ProgramDeclaration> Programs => _file.Programs.ConvertAll(program => program.Declaration);

    internal override Span<byte> Constants =>
        _file.Maps.Find(plan => plan.Declaration.IsInternal && plan.Declaration.Name.EndsWith(".rodata", StringComparison.Ordinal)) is { } plan
            ? _initial[plan.Declaration.Name]
            : default;

    internal override MapShape ShapeOf(string map) => _shapes[map];

    internal override void SetMaxEntries(string map, uint maxEntries) => _shapes[map] = _shapes[map] with { MaxEntries = maxEntries };

    internal override void Reuse(string map, BpfMap existing)
    {
        if (existing.Backend is not InProcessMap own || own.Storage.Engine != _engine)
            throw new ArgumentException($"map {existing.Name} is not of this engine");
        var declared = _shapes[map];
        var found = existing.Shape;
        if (found != declared with { MaxEntries = found.MaxEntries })
            throw new KernelException("reuse map", Errno.Invalid, $"{_file.Name}/{map}: it is {found}, declared is {declared}");
        if (_maps.Remove(map, out var before))
            before.Dispose();
        _maps[map] = InProcessMap.Hold(own.Storage);
        _shapes[map] = found;
    }

    internal override void SetAutoload(string program, bool load) => _ = load ? _leftOut.Remove(program) : _leftOut.Add(program);

    internal override void Load()
    {
        foreach (var (name, plan) in _plans)
        {
            if (!_maps.ContainsKey(name))
                _maps[name] = new InProcessMap(MapFactory.Create(_engine, name, _shapes[name], plan.Declaration.Inner));
            if (_initial.TryGetValue(name, out var initial) && _maps[name].Storage is ArrayStorage variables)
            {
                initial.CopyTo(variables.FirstValue);
                variables.IsFrozen = _shapes[name].Flags.HasFlag(MapFlags.ReadOnlyForPrograms);
            }
        }
        var storages = _plans.ToDictionary(entry => entry.Value, entry => _maps[entry.Key].Storage);
        foreach (var program in _file.Programs.Where(program => !_leftOut.Contains(program.Declaration.Name)))
        {
            var code = _engine.Options.Code is { } shared ? shared.Link(_file, program, storages, _engine.Cpus, Link) : new ProgramCode(Link());
            _programs[program.Declaration.Name] = new LoadedProgram(_engine, program.Declaration, code, [.. storages.Values], ConstantsOf(storages));

            Function[] Link()
            {
                var functions = new Linker(_file, storages).Link(program);
                Check(program, functions);
                return functions;
            }
        }
    }

    internal override MapBackend Map(string name) => _maps[name].Duplicate();

    internal override ProgramBackend Program(string name) => _programs.TryGetValue(name, out var program)
        ? new InProcessProgram(program)
        : throw new ArgumentException($"program {name} of {_file.Name} was left out of the load");

    public override void Dispose()
    {
        foreach (var map in _maps.Values)
            map.Dispose();
        _maps.Clear();
        _programs.Clear();
    }

    /// <summary>The constants of the object, which no one changes any more.</summary>
    private static ArrayStorage? ConstantsOf(Dictionary<MapPlan, MapStorage> storages) =>
        storages.Values.OfType<ArrayStorage>().FirstOrDefault(storage => storage.IsFrozen);

    private void Check(ProgramPlan program, Function[] functions)
    {
        foreach (var function in functions)
        {
            for (var i = 0; i < function.Code.Length; i++)
            {
                ref var instruction = ref function.Code[i];
                if (instruction.Opcode != Op.Call || instruction.Source != 0)
                    continue;
                if (CallTable.Reject(instruction.Immediate, program.Declaration.Type) is { } reason)
                    throw new BpfObjectException(_file.Name, program.Declaration.Section, program.Declaration.Name, $"{reason}, called at instruction {i} of {function.Name}");
            }
        }
    }
}
