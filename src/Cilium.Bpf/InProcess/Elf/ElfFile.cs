using System.Buffers.Binary;
using System.Text;

namespace Cilium.Bpf.InProcess.Elf;

/// <summary>Sections, symbols and relocations of a relocatable ELF file for BPF, little-endian. Any bytes are safe.</summary>
internal sealed class ElfFile
{
    internal const uint Executable = 4;

    private const int HeaderBytes = 64;
    private const int SectionBytes = 64;
    private const int SymbolBytes = 24;
    private const int RelocationBytes = 16;
    private const uint SymbolTable = 2;
    private const uint NoBits = 8;
    private const uint Relocations = 9;

    private readonly byte[] _bytes;
    private readonly string _name;

    private ElfFile(string name, byte[] bytes)
    {
        _name = name;
        _bytes = bytes;
        Sections = ReadSections();
        Symbols = ReadSymbols();
    }

    /// <summary>A section.</summary>
    internal sealed record Section(int Index, string Name, uint Type, ulong Flags, int Offset, int Size, uint Link, uint Info)
    {
        internal bool IsEmptyInFile => Type == NoBits;

        internal bool IsCode => (Flags & Executable) != 0 && Type == 1;
    }

    /// <summary>A symbol; its section is 0 when it is defined elsewhere.</summary>
    internal sealed record Symbol(string Name, int Kind, int Section, long Value, long Size)
    {
        internal const int Function = 2;
    }

    /// <summary>A place in a section that refers to a symbol.</summary>
    internal readonly record struct Relocation(Symbol Symbol, uint Type);

    internal IReadOnlyList<Section> Sections { get; }

    internal IReadOnlyList<Symbol> Symbols { get; }

    /// <exception cref="BpfObjectException">It is no such file.</exception>
    internal static ElfFile Read(string name, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || BinaryPrimitives.ReadUInt32BigEndian(bytes) != 0x7F454C46)
            throw new BpfObjectException(name, "", "", "not an ELF file");
        if (bytes[4] != 2 || bytes[5] != 1)
            throw new BpfObjectException(name, "", "", "not a little-endian 64-bit ELF file");
        if (BinaryPrimitives.ReadUInt16LittleEndian(bytes[16..]) != 1 || BinaryPrimitives.ReadUInt16LittleEndian(bytes[18..]) != 247)
            throw new BpfObjectException(name, "", "", "not a relocatable file for BPF");
        return new ElfFile(name, bytes.ToArray());
    }

    internal Section? Find(string name) => Sections.FirstOrDefault(section => section.Name == name);

    internal Section? At(int index) => index > 0 && index < Sections.Count ? Sections[index] : null;

    internal ReadOnlySpan<byte> Bytes(Section section) => section.IsEmptyInFile ? new byte[section.Size] : _bytes.AsSpan(section.Offset, section.Size);

    /// <summary>The relocations of a section, by offset.</summary>
    /// <exception cref="BpfObjectException">One is broken.</exception>
    internal Dictionary<long, Relocation> RelocationsOf(Section target)
    {
        var found = new Dictionary<long, Relocation>();
        foreach (var section in Sections.Where(section => section.Type == Relocations && section.Info == (uint)target.Index))
        {
            var bytes = Bytes(section);
            for (var at = 0; at + RelocationBytes <= bytes.Length; at += RelocationBytes)
            {
                var offset = BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
                var info = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(at + 8)..]);
                var symbol = info >> 32;
                if (symbol >= (ulong)Symbols.Count || offset >= (ulong)target.Size)
                    throw new BpfObjectException(_name, section.Name, "", $"relocation {at / RelocationBytes} leads out of the file");
                found[(long)offset] = new Relocation(Symbols[(int)symbol], (uint)info);
            }
        }
        return found;
    }

    private List<Section> ReadSections()
    {
        var offset = U64(40);
        var size = U16(58);
        var count = U16(60);
        var names = U16(62);
        if (size != SectionBytes || offset > (ulong)_bytes.Length || (ulong)count * SectionBytes > (ulong)_bytes.Length - offset)
            throw Broken("", "the table of sections leads out of the file");
        var raw = new List<(uint Name, Section Section)>(count);
        for (var i = 0; i < count; i++)
        {
            var at = (int)offset + (i * SectionBytes);
            var type = U32(at + 4);
            var (begin, length) = (U64(at + 24), U64(at + 32));
            if (length > int.MaxValue || (type != NoBits && (begin > (ulong)_bytes.Length || length > (ulong)_bytes.Length - begin)))
                throw Broken("", $"section {i} leads out of the file");
            if (type == NoBits && length > 64 << 20)
                throw Broken("", $"section {i} is larger than 64 MiB");
            raw.Add((U32(at), new Section(i, "", type, U64(at + 8), (int)Math.Min(begin, int.MaxValue), (int)length, U32(at + 40), U32(at + 44))));
        }
        if (names >= raw.Count)
            return raw.ConvertAll(entry => entry.Section);
        var table = raw[names].Section;
        return raw.ConvertAll(entry => entry.Section with { Name = Text(table, entry.Name) });
    }

    private List<Symbol> ReadSymbols()
    {
        var symbols = new List<Symbol>();
        if (Sections.FirstOrDefault(section => section.Type == SymbolTable) is not { } section)
            return symbols;
        if (At((int)Math.Min(section.Link, int.MaxValue)) is not { } names)
            throw Broken(section.Name, "the symbols have no names");
        var bytes = Bytes(section);
        for (var at = 0; at + SymbolBytes <= bytes.Length; at += SymbolBytes)
        {
            var entry = bytes[at..];
            var home = BinaryPrimitives.ReadUInt16LittleEndian(entry[6..]);
            symbols.Add(new Symbol(
                Text(names, BinaryPrimitives.ReadUInt32LittleEndian(entry)),
                entry[4] & 15,
                home < Sections.Count ? home : 0,
                BinaryPrimitives.ReadInt64LittleEndian(entry[8..]),
                BinaryPrimitives.ReadInt64LittleEndian(entry[16..])));
        }
        return symbols;
    }

    private string Text(Section table, uint offset)
    {
        var bytes = Bytes(table);
        if (offset >= (uint)bytes.Length)
            return "";
        var rest = bytes[(int)offset..];
        var end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private BpfObjectException Broken(string section, string reason) => new(_name, section, "", reason);

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at));

    private ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));
}
