namespace Cilium.Datapath.Maps;

/// <summary>Names the C enum in <c>bpf/lib</c> whose members an enum repeats; a test compares the two by the object's BTF.</summary>
/// <param name="name">The C enum's name, without the keyword.</param>
/// <param name="prefix">What each C member begins with before the C# member's name in upper snake case.</param>
[AttributeUsage(AttributeTargets.Enum)]
public sealed class CEnumAttribute(string name, string prefix = "") : Attribute
{
    /// <summary>The C enum's name, without the keyword.</summary>
    public string Name { get; } = name;

    /// <summary>What each C member begins with.</summary>
    public string Prefix { get; } = prefix;
}
