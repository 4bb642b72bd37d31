namespace Cilium.ControlPlane.Configuration;

/// <summary>A value as somebody wrote it.</summary>
/// <param name="Key">The option's key: <c>enable-ipv6</c>.</param>
/// <param name="Text">The text, without white space around it.</param>
/// <param name="Origin">Where it was written: a flag, a variable, a file.</param>
public sealed record ConfigValue(string Key, string Text, string Origin)
{
    /// <summary><c>key "text" (origin)</c>, as errors name it.</summary>
    public override string ToString() => $"{Key} \"{Text}\" ({Origin})";
}
