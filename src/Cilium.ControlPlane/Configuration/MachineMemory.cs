using System.Globalization;

namespace Cilium.ControlPlane.Configuration;

/// <summary>The machine's memory, whatever a container may use of it: the kernel's maps are not the container's.</summary>
internal static class MachineMemory
{
    private const string Key = "MemTotal:";

    /// <summary>Reads the total in bytes.</summary>
    /// <exception cref="InvalidDataException">/proc/meminfo does not say it.</exception>
    public static long ReadTotalBytes() => Parse(File.ReadLines("/proc/meminfo"));

    /// <summary>Finds the total in lines of /proc/meminfo.</summary>
    public static long Parse(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            // MemTotal:       24593444 kB
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is [Key, var kibibytes, "kB"] && long.TryParse(kibibytes, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            {
                return value * 1024;
            }
        }

        throw new InvalidDataException($"/proc/meminfo has no line '{Key} NUMBER kB'");
    }
}
