using Cilium.Bpf.InProcess.Calls;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Elf;

/// <summary>Makes runnable code of a program: decodes it and the functions it reaches, and resolves maps, variables and calls.</summary>
internal sealed class Linker(ObjectFile file, IReadOnlyDictionary<MapPlan, MapStorage> maps)
{
    private const uint Absolute64 = 1;
    private const uint Call32 = 10;

    private readonly List<CodePlan> _plans = [];
    private readonly Dictionary<CodePlan, int> _indices = [];
    private readonly Dictionary<int, Dictionary<long, ElfFile.Relocation>> _relocations = [];

    /// <summary>The program's body first, then the functions it reaches.</summary>
    /// <exception cref="BpfObjectException">Something does not resolve, or is no instruction.</exception>
    internal Function[] Link(ProgramPlan program)
    {
        _ = IndexOf(program.Code);
        var functions = new List<Function>();
        for (var i = 0; i < _plans.Count; i++)
            functions.Add(LinkOne(_plans[i]));
        return [.. functions];
    }

    private int IndexOf(CodePlan code)
    {
        if (_indices.TryGetValue(code, out var index))
            return index;
        _plans.Add(code);
        return _indices[code] = _plans.Count - 1;
    }

    private Function LinkOne(CodePlan plan)
    {
        if (!_relocations.TryGetValue(plan.Section.Index, out var relocations))
            _relocations[plan.Section.Index] = relocations = file.File.RelocationsOf(plan.Section);
        var bytes = file.File.Bytes(plan.Section).Slice((int)plan.Offset, (int)plan.Size);
        var code = Decoder.Decode(bytes, reason => Bad(plan, reason));
        for (var i = 0; i < code.Length; i++)
        {
            ref var instruction = ref code[i];
            var position = plan.Offset + (i * 8L);
            var hasRelocation = relocations.TryGetValue(position, out var relocation);
            if (instruction.Opcode == Op.WideImmediate)
                instruction.Value = hasRelocation ? Resolve(plan, relocation, instruction.Immediate) : Constant(plan, instruction);
            else if (instruction.Opcode == Op.Call && instruction.Source == 1 && hasRelocation && relocation is { Type: Call32, Symbol.Section: 0 })
                (instruction.Source, instruction.Immediate) = (0, NumberOf(plan, relocation.Symbol.Name));
            else if (instruction.Opcode == Op.Call && instruction.Source == 0 && (uint)instruction.Immediate >= CallTable.FirstNamed)
                throw Bad(plan, $"the engine has no function number {instruction.Immediate} of the kernel, called at instruction {i}");
            else if (instruction.Opcode == Op.Call && instruction.Source == 1)
                instruction.Value = (ulong)IndexOf(Callee(plan, position, instruction.Immediate, hasRelocation ? relocation : null));
            else if (hasRelocation)
                throw Bad(plan, $"instruction {i} cannot refer to {relocation.Symbol.Name}");
        }
        var first = (int)(plan.Offset / 8);
        var lines = file.Lines.TryGetValue(plan.Section.Name, out var all)
            ? all.Where(line => line.Instruction >= first && line.Instruction < first + code.Length)
                .Select(line => line with { Instruction = line.Instruction - first, File = Path.GetFileName(line.File) }).ToArray()
            : [];
        return new Function { Name = plan.Name, Code = code, Lines = lines };
    }

    private ulong Constant(CodePlan plan, in Instruction instruction) => instruction.Source == 0
        ? instruction.Value
        : throw Bad(plan, $"a 64-bit immediate of kind {instruction.Source} refers to nothing");

    private ulong Resolve(CodePlan plan, ElfFile.Relocation relocation, int addend)
    {
        var symbol = relocation.Symbol;
        if (relocation.Type != Absolute64)
            throw Bad(plan, $"the relocation of {symbol.Name} has type {relocation.Type}");
        if (file.File.At(symbol.Section) is not { } section)
            throw Bad(plan, $"{symbol.Name} is defined elsewhere");
        if (section.IsCode)
        {
            return file.Code.TryGetValue((section.Index, symbol.Value + addend), out var function)
                ? Address.Of(Address.Functions, (uint)IndexOf(function))
                : throw Bad(plan, $"no function begins at {section.Name}+{symbol.Value + addend}");
        }
        foreach (var (map, storage) in maps)
        {
            if (map.Section != section.Index)
                continue;
            if (map.Initial is null && map.Offset == symbol.Value)
                return storage.Handle;
            if (map.Initial is not null)
            {
                var offset = symbol.Value + addend;
                return offset >= 0 && offset <= map.Initial.Length
                    ? ((ArrayStorage)storage).AddressOf(0) + (ulong)offset
                    : throw Bad(plan, $"{symbol.Name} leads out of {section.Name}");
            }
        }
        throw Bad(plan, $"{symbol.Name} in {section.Name} is neither a map nor a variable");
    }

    private CodePlan Callee(CodePlan plan, long position, int immediate, ElfFile.Relocation? relocation)
    {
        var (section, offset) = (plan.Section.Index, position + 8 + (immediate * 8L));
        if (relocation is { } found)
        {
            if (found.Type != Call32)
                throw Bad(plan, $"the relocation of {found.Symbol.Name} has type {found.Type}");
            (section, offset) = (found.Symbol.Section, found.Symbol.Value + ((immediate + 1) * 8L));
        }
        return file.Code.TryGetValue((section, offset), out var callee)
            ? callee
            : throw Bad(plan, $"the call at instruction {(position - plan.Offset) / 8} leads to no function");
    }

    /// <summary>A function of the kernel that is called by name.</summary>
    private int NumberOf(CodePlan plan, string name) =>
        CallTable.NumberOf(name) is var number and >= 0 ? number : throw Bad(plan, $"{name} is defined elsewhere, and is no function of the kernel (kfunc) that the engine has");

    private BpfObjectException Bad(CodePlan plan, string reason) => new(file.Name, plan.Section.Name, plan.Name, reason);
}
