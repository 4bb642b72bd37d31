using Cilium.Bpf.InProcess.Instructions;

namespace Cilium.Bpf.InProcess.Elf;

/// <summary>What an object file asks for: maps, programs, functions and their source lines. Nothing is made yet.</summary>
internal sealed class ObjectFile
{
    private static readonly string[] s_variables = [".rodata", ".data", ".bss"];

    private ObjectFile(string name, ElfFile file, Btf btf)
    {
        Name = name;
        File = file;
        Btf = btf;
        Maps = new MapDefinitions(name, file, btf).Read();
        foreach (var section in file.Sections.Where(section => section.Size > 0 && s_variables.Any(kind => IsKind(section.Name, kind))))
            Maps.Add(Variables(section));
        foreach (var symbol in file.Symbols.Where(symbol => symbol.Kind == ElfFile.Symbol.Function))
            AddCode(symbol);
        Lines = LineInformation.Read(name, file, btf);
    }

    internal string Name { get; }

    internal ElfFile File { get; }

    internal Btf Btf { get; }

    internal List<MapPlan> Maps { get; }

    internal List<ProgramPlan> Programs { get; } = [];

    /// <summary>Programs and functions by section and offset.</summary>
    internal Dictionary<(int Section, long Offset), CodePlan> Code { get; } = [];

    internal Dictionary<string, List<SourceLine>> Lines { get; }

    /// <exception cref="BpfObjectException">The bytes are not a usable object.</exception>
    internal static ObjectFile Read(string name, ReadOnlySpan<byte> bytes)
    {
        var file = ElfFile.Read(name, bytes);
        var btf = Btf.Empty;
        if (file.Find(".BTF") is { } section)
        {
            if (!Btf.TryParse(file.Bytes(section), out var parsed))
                throw new BpfObjectException(name, ".BTF", "", "the types cannot be read");
            var offsets = new Dictionary<(int, string), long>();
            foreach (var symbol in file.Symbols)
                offsets[(symbol.Section, symbol.Name)] = symbol.Value;
            btf = parsed.Placed(
                text => file.Find(text)?.Size,
                (text, variable) => file.Find(text) is { } home && offsets.TryGetValue((home.Index, variable), out var offset) ? (int)offset : null);
        }
        return new ObjectFile(name, file, btf);
    }

    private static bool IsKind(string section, string kind) =>
        section == kind || (section.StartsWith(kind, StringComparison.Ordinal) && section[kind.Length] == '.');

    private MapPlan Variables(ElfFile.Section section)
    {
        // As libbpf names it: at most 15 characters, of which the section's name takes its own.
        var prefix = Name[..Math.Min(Name.Length, Math.Max(0, 15 - section.Name.Length))];
        var flags = MapFlags.Mmapable | (IsKind(section.Name, ".rodata") ? MapFlags.ReadOnlyForPrograms : MapFlags.None);
        var shape = new MapShape(MapType.Array, 4, section.Size, 1, flags);
        return new MapPlan(new MapDeclaration(prefix + section.Name, shape, true, null), section.Index, 0, File.Bytes(section).ToArray());
    }

    private void AddCode(ElfFile.Symbol symbol)
    {
        if (File.At(symbol.Section) is not { IsCode: true } section)
            return;
        if (symbol.Value < 0 || symbol.Size <= 0 || symbol.Value % 8 != 0 || symbol.Size % 8 != 0 || symbol.Value > section.Size - symbol.Size)
            throw new BpfObjectException(Name, section.Name, symbol.Name, "its code leads out of the section");
        var code = new CodePlan(symbol.Name, section, symbol.Value, symbol.Size);
        if (!Code.TryAdd((section.Index, symbol.Value), code) || section.Name == ".text")
            return;
        if (!SectionNames.TryGet(section.Name, out var type, out var attach))
            throw new BpfObjectException(Name, section.Name, symbol.Name, "the engine has no hook of this name");
        Programs.Add(new ProgramPlan(new ProgramDeclaration(symbol.Name, section.Name, type, attach, (int)(symbol.Size / 8)), code));
    }
}
