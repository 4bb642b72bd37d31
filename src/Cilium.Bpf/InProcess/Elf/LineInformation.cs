using System.Buffers.Binary;
using Cilium.Bpf.InProcess.Instructions;

namespace Cilium.Bpf.InProcess.Elf;

/// <summary>Which instruction comes from which line of source, from <c>.BTF.ext</c>.</summary>
internal static class LineInformation
{
    private const string SectionName = ".BTF.ext";
    private const ushort Magic = 0xeb9f;
    private const int RecordBytes = 16;

    /// <summary>Lines by section name; positions are instructions of the section, in ascending order.</summary>
    /// <exception cref="BpfObjectException">The section is broken.</exception>
    internal static Dictionary<string, List<SourceLine>> Read(string name, ElfFile file, Btf btf)
    {
        var lines = new Dictionary<string, List<SourceLine>>();
        if (file.Find(SectionName) is not { } section)
            return lines;
        var bytes = file.Bytes(section);
        if (bytes.Length < 24 || BinaryPrimitives.ReadUInt16LittleEndian(bytes) != Magic)
            throw Broken("no header");
        var begin = (ulong)U32(bytes, 4) + U32(bytes, 16);
        var length = U32(bytes, 20);
        if (begin + length > (ulong)bytes.Length)
            throw Broken("the lines lead out of the section");
        if (length < 4)
            return lines;
        var rest = bytes.Slice((int)begin, (int)length);
        var size = U32(rest, 0);
        if (size is < RecordBytes or > 256)
            throw Broken($"a line has {size} bytes");
        rest = rest[4..];
        while (rest.Length >= 8)
        {
            var text = btf.TextAt(U32(rest, 0));
            var count = U32(rest, 4);
            rest = rest[8..];
            if ((ulong)count * size > (ulong)rest.Length)
                throw Broken($"the lines of {text} lead out of the section");
            if (!lines.TryGetValue(text, out var list))
                lines[text] = list = [];
            for (var i = 0u; i < count; i++, rest = rest[(int)size..])
                list.Add(new SourceLine((int)(U32(rest, 0) / 8), btf.TextAt(U32(rest, 4)), (int)(U32(rest, 12) >> 10), btf.TextAt(U32(rest, 8))));
        }
        foreach (var list in lines.Values)
            list.Sort((a, b) => a.Instruction.CompareTo(b.Instruction));
        return lines;

        BpfObjectException Broken(string reason) => new(name, SectionName, "", reason);
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
