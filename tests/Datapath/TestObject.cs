using System.Buffers.Binary;
using System.Text;

namespace Cilium.DatapathTests;

/// <summary>Makes an object file of one program from instructions, as the compiler would.</summary>
internal static class TestObject
{
    internal const string Program = "test";

    internal static ulong Instruction(int opcode, int destination = 0, int source = 0, int offset = 0, int immediate = 0) =>
        (byte)opcode | ((ulong)(destination | (source << 4)) << 8) | ((ulong)(ushort)offset << 16) | ((ulong)(uint)immediate << 32);

    /// <param name="code">The instructions.</param>
    /// <param name="section">The section's name, which says for which hook the program is.</param>
    internal static byte[] Build(ReadOnlySpan<ulong> code, string section = "tc")
    {
        var text = new byte[code.Length * 8];
        for (var i = 0; i < code.Length; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(text.AsSpan(i * 8), code[i]);
        var names = Encoding.UTF8.GetBytes($"\0{section}\0license\0.symtab\0.strtab\0test\0");
        var licence = "GPL\0"u8.ToArray();
        var symbols = new byte[2 * 24];
        BinaryPrimitives.WriteInt32LittleEndian(symbols.AsSpan(24), Offset("test"));
        symbols[28] = 0x12;
        symbols[30] = 1;
        BinaryPrimitives.WriteInt64LittleEndian(symbols.AsSpan(40), text.Length);
        var parts = new[] { text, licence, symbols, names };
        var file = new byte[64 + parts.Sum(part => (part.Length + 7) & ~7) + (5 * 64)];
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(file);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(16), 1);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(18), 247);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(20), 1);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(40), (ulong)(file.Length - (5 * 64)));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(52), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(58), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(60), 5);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(62), 4);
        var at = 64;
        (string Name, int Type, int Flags, int Link, int Info, int Entry)[] sections =
            [(section, 1, 6, 0, 0, 0), ("license", 1, 3, 0, 0, 0), (".symtab", 2, 0, 4, 1, 24), (".strtab", 3, 0, 0, 0, 0)];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i].CopyTo(file, at);
            var header = file.AsSpan(file.Length - (5 * 64) + ((i + 1) * 64), 64);
            BinaryPrimitives.WriteInt32LittleEndian(header, Offset(sections[i].Name));
            BinaryPrimitives.WriteInt32LittleEndian(header[4..], sections[i].Type);
            BinaryPrimitives.WriteInt64LittleEndian(header[8..], sections[i].Flags);
            BinaryPrimitives.WriteInt64LittleEndian(header[24..], at);
            BinaryPrimitives.WriteInt64LittleEndian(header[32..], parts[i].Length);
            BinaryPrimitives.WriteInt32LittleEndian(header[40..], sections[i].Link);
            BinaryPrimitives.WriteInt32LittleEndian(header[44..], sections[i].Info);
            BinaryPrimitives.WriteInt64LittleEndian(header[48..], 8);
            BinaryPrimitives.WriteInt64LittleEndian(header[56..], sections[i].Entry);
            at += (parts[i].Length + 7) & ~7;
        }
        return file;

        int Offset(string name) => Encoding.UTF8.GetString(names).IndexOf(name + "\0", StringComparison.Ordinal);
    }
}
