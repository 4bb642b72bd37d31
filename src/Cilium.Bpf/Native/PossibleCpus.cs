using System.Globalization;

namespace Cilium.Bpf.Native;

/// <summary>The CPUs that the machine may ever have, by the kernel's list of them.</summary>
internal static class PossibleCpus
{
    private const string List = "/sys/devices/system/cpu/possible";

    /// <summary>The lowest number above all of theirs, which need not follow each other: there may be fewer CPUs.</summary>
    /// <exception cref="FormatException">The list is none.</exception>
    internal static int ReadBound() => ParseBound(File.ReadAllText(List));

    /// <summary>The same from a text like <c>0-3,8-11</c>.</summary>
    internal static int ParseBound(string list)
    {
        var bound = 0;
        foreach (var part in list.Trim().Split(','))
        {
            var ends = part.Split('-');
            if (ends.Length > 2 || !TryParse(ends[0], out var first) || !TryParse(ends[^1], out var last) || first > last)
                throw new FormatException($"{List} says '{list.Trim()}', which is no list of CPUs");
            bound = Math.Max(bound, last + 1);
        }
        return bound;
    }

    private static bool TryParse(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < int.MaxValue;
}
