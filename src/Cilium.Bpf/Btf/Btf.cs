using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Cilium.Bpf;

/// <summary>The type information of an object (BTF, little-endian), read lazily. Immutable.</summary>
public sealed class Btf
{
    private const int HeaderBytes = 24;
    private const ushort Magic = 0xeb9f;
    private const int MaximumDepth = 32;

    private readonly byte[] _types;
    private readonly byte[] _strings;
    private readonly int[] _offsets;

    private Btf(byte[] types, byte[] strings, int[] offsets)
    {
        _types = types;
        _strings = strings;
        _offsets = offsets;
    }

    /// <summary>Information about nothing.</summary>
    public static Btf Empty { get; } = new([], [], [0]);

    /// <summary>Types by number: 1 to this, without the void type 0.</summary>
    public int Count => _offsets.Length - 1;

    /// <summary>Reads BTF; any bytes are safe.</summary>
    public static bool TryParse(ReadOnlySpan<byte> data, [NotNullWhen(true)] out Btf? btf)
    {
        btf = null;
        if (data.Length < HeaderBytes || BinaryPrimitives.ReadUInt16LittleEndian(data) != Magic)
            return false;
        var headerBytes = U32(data, 4);
        if (!TrySlice(data, headerBytes + (ulong)U32(data, 8), U32(data, 12), out var types)
            || !TrySlice(data, headerBytes + (ulong)U32(data, 16), U32(data, 20), out var strings))
        {
            return false;
        }
        var offsets = new List<int> { 0 };
        var offset = 0;
        while (offset < types.Length)
        {
            if (types.Length - offset < 12)
                return false;
            offsets.Add(offset);
            var next = offset + 12L + TrailerBytes(U32(types, offset + 4));
            if (next > types.Length)
                return false;
            offset = (int)next;
        }
        btf = new Btf(types.ToArray(), strings.ToArray(), [.. offsets]);
        return true;
    }

    /// <summary>The kind of a type; void for a number that does not exist.</summary>
    public BtfKind KindOf(int id) => Exists(id) ? (BtfKind)((Word(id, 1) >> 24) & 0x1f) : BtfKind.Void;

    /// <summary>The name of a type, empty for anonymous ones.</summary>
    public string NameOf(int id) => Exists(id) ? Text(Word(id, 0)) : "";

    /// <summary>Bytes of a type, zero where it has no size.</summary>
    public int SizeOf(int id) => SizeOf(id, 0);

    /// <summary>Follows type definitions, const and volatile to the type itself.</summary>
    public int Resolve(int id)
    {
        for (var depth = 0; depth < MaximumDepth && IsModifier(KindOf(id)); depth++)
            id = (int)Word(id, 2);
        return id;
    }

    /// <summary>The structure or union with a tag, or null.</summary>
    public BtfStruct? FindStruct(string name) => Structs().FirstOrDefault(s => s.Name == name);

    /// <summary>The variable in a section, or null.</summary>
    public BtfVariable? FindVariable(string section, string name) => Variables(section).FirstOrDefault(v => v.Name == name);

    /// <summary>Named structures and unions.</summary>
    public IEnumerable<BtfStruct> Structs() =>
        Ids(BtfKind.Struct, BtfKind.Union).Where(id => Word(id, 0) != 0).Select(StructAt);

    /// <summary>Enumerations, anonymous ones included.</summary>
    public IEnumerable<BtfEnum> Enums() => Ids(BtfKind.Enum, BtfKind.Enum64).Select(EnumAt);

    /// <summary>The structure or union with a number, type definitions followed; null when it is something else.</summary>
    public BtfStruct? StructOrNull(int id) => Resolve(id) is var type && KindOf(type) is BtfKind.Struct or BtfKind.Union ? StructAt(type) : null;

    /// <summary>Variables of a section such as <c>.rodata</c>.</summary>
    public IEnumerable<BtfVariable> Variables(string section)
    {
        var tags = Ids(BtfKind.DeclarationTag).ToLookup(tag => (int)Word(tag, 2), NameOf);
        foreach (var id in Ids(BtfKind.DataSection).Where(id => NameOf(id) == section))
        {
            for (var i = 0; i < Length(id); i++)
            {
                var variable = (int)Word(id, 3 + (3 * i));
                if (KindOf(variable) == BtfKind.Variable)
                {
                    yield return new BtfVariable(
                        NameOf(variable),
                        (int)Word(id, 4 + (3 * i)),
                        (int)Word(id, 5 + (3 * i)),
                        (int)Word(variable, 2),
                        tags[variable].FirstOrDefault());
                }
            }
        }
    }

    /// <summary>The type that a pointer, variable or modifier refers to.</summary>
    internal int TargetOf(int id) => Exists(id) ? (int)Word(id, 2) : 0;

    /// <summary>Element type and length of an array; zeros for anything else.</summary>
    internal (int Element, int Length) ArrayAt(int id) =>
        KindOf(id) == BtfKind.Array ? ((int)Word(id, 3), (int)Word(id, 5)) : default;

    /// <summary>The text at an offset of the string table.</summary>
    internal string TextAt(uint offset) => Text(offset);

    /// <summary>The same with sizes and offsets of sections as the linker knows them: the compiler leaves them at zero.</summary>
    internal Btf Placed(Func<string, int?> sizeOf, Func<string, string, int?> offsetOf)
    {
        var types = (byte[])_types.Clone();
        foreach (var id in Ids(BtfKind.DataSection))
        {
            var section = NameOf(id);
            if (sizeOf(section) is not { } size)
                continue;
            Put(id, 2, size);
            for (var i = 0; i < Length(id); i++)
            {
                if (offsetOf(section, NameOf((int)Word(id, 3 + (3 * i)))) is { } offset)
                    Put(id, 4 + (3 * i), offset);
            }
        }
        return new Btf(types, _strings, _offsets);

        void Put(int id, int word, int value) => BinaryPrimitives.WriteInt32LittleEndian(types.AsSpan(_offsets[id] + (4 * word)), value);
    }

    private static bool IsModifier(BtfKind kind) =>
        kind is BtfKind.Typedef or BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag;

    private static long TrailerBytes(uint info)
    {
        var length = info & 0xffff;
        return (BtfKind)((info >> 24) & 0x1f) switch
        {
            BtfKind.Int or BtfKind.Variable or BtfKind.DeclarationTag => 4,
            BtfKind.Array => 12,
            BtfKind.Struct or BtfKind.Union or BtfKind.DataSection or BtfKind.Enum64 => 12L * length,
            BtfKind.Enum or BtfKind.FunctionPrototype => 8L * length,
            _ => 0,
        };
    }

    private static bool TrySlice(ReadOnlySpan<byte> data, ulong offset, uint length, out ReadOnlySpan<byte> slice)
    {
        var fits = offset + length <= (ulong)data.Length;
        slice = fits ? data.Slice((int)offset, (int)length) : default;
        return fits;
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private BtfStruct StructAt(int id)
    {
        var hasBitFields = (Word(id, 1) >> 31) != 0;
        var members = new BtfMember[Length(id)];
        for (var i = 0; i < members.Length; i++)
        {
            var type = (int)Word(id, 4 + (3 * i));
            var place = Word(id, 5 + (3 * i));
            var size = SizeOf(type);
            var bits = hasBitFields ? (int)(place >> 24) : 0;
            members[i] = new BtfMember(
                Text(Word(id, 3 + (3 * i))), (int)(hasBitFields ? place & 0xffffff : place), bits != 0 ? bits : unchecked(size * 8), size, type);
        }
        return new BtfStruct(NameOf(id), (int)Word(id, 2), members);
    }

    private BtfEnum EnumAt(int id)
    {
        var isWide = KindOf(id) == BtfKind.Enum64;
        var isSigned = (Word(id, 1) >> 31) != 0;
        var values = new KeyValuePair<string, long>[Length(id)];
        for (var i = 0; i < values.Length; i++)
        {
            var at = 3 + (i * (isWide ? 3 : 2));
            var low = Word(id, at + 1);
            var value = isWide ? (long)(((ulong)Word(id, at + 2) << 32) | low) : isSigned ? (int)low : low;
            values[i] = new(Text(Word(id, at)), value);
        }
        return new BtfEnum(NameOf(id), (int)Word(id, 2), values);
    }

    private int SizeOf(int id, int depth)
    {
        if (depth > MaximumDepth)
            return 0;
        return KindOf(id) switch
        {
            BtfKind.Int or BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Float => (int)Word(id, 2),
            BtfKind.Pointer => 8,
            BtfKind.Array => unchecked(SizeOf((int)Word(id, 3), depth + 1) * (int)Word(id, 5)),
            BtfKind.Variable => SizeOf((int)Word(id, 2), depth + 1),
            var kind when IsModifier(kind) => SizeOf((int)Word(id, 2), depth + 1),
            _ => 0,
        };
    }

    private IEnumerable<int> Ids(BtfKind first, BtfKind second = BtfKind.Void) =>
        Enumerable.Range(1, Count).Where(id => KindOf(id) is var kind && (kind == first || (second != BtfKind.Void && kind == second)));

    private bool Exists(int id) => id > 0 && id < _offsets.Length;

    private int Length(int id) => (int)(Word(id, 1) & 0xffff);

    // A type starts with three words (name, info, size or type); what follows depends on its kind and was bounds-checked when parsed.
    private uint Word(int id, int index) => U32(_types, _offsets[id] + (4 * index));

    private string Text(uint offset)
    {
        if (offset >= _strings.Length)
            return "";
        var rest = _strings.AsSpan((int)offset);
        var end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }
}
