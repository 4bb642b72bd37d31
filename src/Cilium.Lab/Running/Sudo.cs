using System.Globalization;

namespace Cilium.Lab.Running;

/// <summary>Who asked root for a lab: its kubeconfig is theirs to read.</summary>
internal static class Sudo
{
    /// <summary>User and group as <c>chown</c> takes them (<c>1000:1000</c>), or null when nobody called sudo.</summary>
    /// <param name="environment">Reads a variable; sudo sets SUDO_UID and SUDO_GID.</param>
    public static string? CallerOrNull(Func<string, string?> environment) =>
        Number(environment("SUDO_UID")) is { } user and not 0 && Number(environment("SUDO_GID")) is { } group
            ? string.Create(CultureInfo.InvariantCulture, $"{user}:{group}")
            : null;

    private static uint? Number(string? text) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
