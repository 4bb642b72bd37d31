namespace Cilium.Datapath.Maps;

/// <summary>Names the C struct in <c>bpf/lib/types.h</c> whose layout a type repeats; a test compares the two by the object's BTF.</summary>
/// <param name="name">The C struct's name, without the keyword.</param>
[AttributeUsage(AttributeTargets.Struct)]
public sealed class CStructAttribute(string name) : Attribute
{
    /// <summary>The C struct's name, without the keyword.</summary>
    public string Name { get; } = name;
}
