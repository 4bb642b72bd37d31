namespace Cilium.Bpf;

/// <summary>Kinds of types in BTF, by the format's numbers.</summary>
public enum BtfKind
{
    /// <summary>No type.</summary>
    Void = 0,
    /// <summary>Integer.</summary>
    Int = 1,
    /// <summary>Pointer.</summary>
    Pointer = 2,
    /// <summary>Array.</summary>
    Array = 3,
    /// <summary>Structure.</summary>
    Struct = 4,
    /// <summary>Union.</summary>
    Union = 5,
    /// <summary>Enumeration of 32 bits.</summary>
    Enum = 6,
    /// <summary>Forward declaration.</summary>
    Forward = 7,
    /// <summary>Type definition.</summary>
    Typedef = 8,
    /// <summary>volatile.</summary>
    Volatile = 9,
    /// <summary>const.</summary>
    Const = 10,
    /// <summary>restrict.</summary>
    Restrict = 11,
    /// <summary>Function.</summary>
    Function = 12,
    /// <summary>Function prototype.</summary>
    FunctionPrototype = 13,
    /// <summary>Variable.</summary>
    Variable = 14,
    /// <summary>Section of variables.</summary>
    DataSection = 15,
    /// <summary>Floating point.</summary>
    Float = 16,
    /// <summary>Tag on a declaration.</summary>
    DeclarationTag = 17,
    /// <summary>Tag on a type.</summary>
    TypeTag = 18,
    /// <summary>Enumeration of 64 bits.</summary>
    Enum64 = 19,
}

/// <summary>A structure or union.</summary>
/// <param name="Name">The tag.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Members">Members in order; nested anonymous ones have an empty name.</param>
public sealed record BtfStruct(string Name, int Size, IReadOnlyList<BtfMember> Members);

/// <summary>A member of a structure.</summary>
/// <param name="Name">The name, empty for anonymous.</param>
/// <param name="BitOffset">Bits from the structure's start.</param>
/// <param name="BitSize">Bits; eight times <paramref name="Size"/> unless it is a bit field.</param>
/// <param name="Size">Bytes of its type.</param>
/// <param name="TypeId">Its type.</param>
public sealed record BtfMember(string Name, int BitOffset, int BitSize, int Size, int TypeId)
{
    /// <summary>Bytes from the structure's start.</summary>
    public int Offset => BitOffset / 8;
}

/// <summary>An enumeration.</summary>
/// <param name="Name">The tag, empty for anonymous.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Values">Names and values in order.</param>
public sealed record BtfEnum(string Name, int Size, IReadOnlyList<KeyValuePair<string, long>> Values);

/// <summary>A variable in a section.</summary>
/// <param name="Name">The variable.</param>
/// <param name="Offset">Bytes from the section's start.</param>
/// <param name="Size">Bytes.</param>
/// <param name="TypeId">Its type.</param>
/// <param name="Description">The text of its declaration tag, if it has one.</param>
public sealed record BtfVariable(string Name, int Offset, int Size, int TypeId, string? Description);
