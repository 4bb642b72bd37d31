namespace Cilium.Bpf.InProcess;

/// <summary>An object cannot be used by the engine of this process. The message names object, section and symbol.</summary>
public sealed class BpfObjectException : ArgumentException
{
    /// <summary>Describes what is wrong where.</summary>
    /// <param name="objectName">The object.</param>
    /// <param name="section">The ELF section, empty for the file itself.</param>
    /// <param name="symbol">The map, program or variable, empty for the section itself.</param>
    /// <param name="reason">What is wrong.</param>
    public BpfObjectException(string objectName, string section, string symbol, string reason)
        : base(Describe(objectName, section, symbol, reason))
    {
        ObjectName = objectName;
        Section = section;
        Symbol = symbol;
    }

    /// <summary>The object.</summary>
    public string ObjectName { get; }

    /// <summary>The ELF section, empty for the file itself.</summary>
    public string Section { get; }

    /// <summary>The map, program or variable, empty for the section itself.</summary>
    public string Symbol { get; }

    private static string Describe(string objectName, string section, string symbol, string reason)
    {
        var place = section.Length == 0 ? "" : symbol.Length == 0 ? $", section {section}" : $", section {section}, symbol {symbol}";
        return $"{objectName}{place}: {reason}";
    }
}
