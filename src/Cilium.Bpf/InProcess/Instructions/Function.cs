namespace Cilium.Bpf.InProcess.Instructions;

/// <summary>The code of a program or of a function it calls.</summary>
internal sealed class Function
{
    internal required string Name { get; init; }

    internal required Instruction[] Code { get; init; }

    /// <summary>Source lines by first instruction, in ascending order.</summary>
    internal required SourceLine[] Lines { get; init; }

    /// <summary>The source line of an instruction, or null.</summary>
    internal SourceLine? LineOf(int instruction)
    {
        SourceLine? found = null;
        foreach (var line in Lines)
        {
            if (line.Instruction > instruction)
                break;
            found = line;
        }
        return found;
    }
}

/// <summary>A line of C source and the first instruction made from it.</summary>
internal readonly record struct SourceLine(int Instruction, string File, int Line, string Text)
{
    public override string ToString() => Text.Length == 0 ? $"{File}:{Line}" : $"{File}:{Line}: {Text.Trim()}";
}
