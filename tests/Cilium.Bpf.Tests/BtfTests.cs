using System.Buffers.Binary;
using System.Text;
using FsCheck.Xunit;

namespace Cilium.Bpf.Tests;

public sealed class BtfTests
{
    [Property]
    public void Random_bytes_never_throw(byte[] bytes)
    {
        Assert.False(Btf.TryParse(bytes, out _) && bytes.Length < 24);
        var sections = bytes.Length / 2;
        ReadEverything(Wrap(bytes.AsSpan(0, sections & ~3), bytes.AsSpan(sections)));
    }

    [Property]
    public void Damaged_types_never_throw(int seed)
    {
        var random = new Random(seed);
        var bytes = Sample();
        for (var i = 0; i < 3; i++)
            bytes[random.Next(24, bytes.Length)] = (byte)random.Next(256);
        ReadEverything(bytes);
    }

    [Fact]
    public void Structures_and_variables_are_found()
    {
        Assert.True(Btf.TryParse(Sample(), out var btf));
        var pair = btf.FindStruct("pair")!;
        Assert.Equal(8, pair.Size);
        Assert.Equal([("a", 0, 32), ("b", 4, 32)], pair.Members.Select(m => (m.Name, m.Offset, m.BitSize)));
        var variable = btf.FindVariable(".rodata", "v")!;
        Assert.Equal((16, 4, "tag"), (variable.Offset, variable.Size, variable.Description));
        Assert.Null(btf.FindVariable(".rodata", "w"));
        Assert.Null(btf.FindStruct("nothing"));
        Assert.Equal(BtfKind.Void, btf.KindOf(99));
    }

    private static void ReadEverything(byte[] bytes)
    {
        if (!Btf.TryParse(bytes, out var btf))
            return;
        _ = btf.Structs().Count();
        _ = btf.Enums().Count();
        _ = btf.Variables(".rodata").Count();
        for (var id = -1; id <= btf.Count + 1; id++)
        {
            _ = btf.NameOf(id);
            _ = btf.SizeOf(id);
            _ = btf.StructOrNull(id);
        }
    }

    // struct pair { int a; int b; }; int v in .rodata at 16 with a declaration tag.
    private static byte[] Sample()
    {
        var names = "\0int\0pair\0a\0b\0v\0.rodata\0tag\0"u8;
        var text = Encoding.ASCII.GetString(names);
        uint Name(string name) => (uint)text.IndexOf("\0" + name + "\0", StringComparison.Ordinal) + 1;
        uint[] types =
        [
            Name("int"), 1u << 24, 4, 32,
            Name("pair"), (4u << 24) | 2, 8, Name("a"), 1, 0, Name("b"), 1, 32,
            Name("v"), 14u << 24, 1, 1,
            Name(".rodata"), (15u << 24) | 1, 20, 3, 16, 4,
            Name("tag"), 17u << 24, 3, uint.MaxValue,
        ];
        var bytes = new byte[types.Length * 4];
        for (var i = 0; i < types.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * 4), types[i]);
        return Wrap(bytes, names);
    }

    private static byte[] Wrap(ReadOnlySpan<byte> types, ReadOnlySpan<byte> strings)
    {
        var bytes = new byte[24 + types.Length + strings.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, 0xeb9f);
        bytes[2] = 1;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), 24);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), types.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), types.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(20), strings.Length);
        types.CopyTo(bytes.AsSpan(24));
        strings.CopyTo(bytes.AsSpan(24 + types.Length));
        return bytes;
    }
}
