namespace Cilium.Lab.Workloads;

/// <summary>Reads the flags a container passes to a server: <c>-name=value</c>, <c>--name value</c>.</summary>
internal static class Options
{
    public static string? Value(IReadOnlyList<string> arguments, string name)
    {
        for (var index = 0; index < arguments.Count; index++)
        {
            var word = arguments[index].TrimStart('-');
            if (word.Length == arguments[index].Length) continue;
            if (word == name) return index + 1 < arguments.Count ? arguments[index + 1] : null;
            if (word.StartsWith(name + "=", StringComparison.Ordinal)) return word[(name.Length + 1)..];
        }

        return null;
    }
}
