namespace Cilium.Bpf.InProcess.Elf;

/// <summary>A map that an object asks for.</summary>
/// <param name="Declaration">As declared.</param>
/// <param name="Section">The section its symbol is in.</param>
/// <param name="Offset">Its place in the section, for maps that programs refer to by symbol.</param>
/// <param name="Initial">Initial bytes of a section of variables; null for other maps.</param>
internal sealed record MapPlan(MapDeclaration Declaration, int Section, long Offset, byte[]? Initial);

/// <summary>A program or function in a section of code.</summary>
internal sealed record CodePlan(string Name, ElfFile.Section Section, long Offset, long Size);

/// <summary>A program that an object has.</summary>
internal sealed record ProgramPlan(ProgramDeclaration Declaration, CodePlan Code);
