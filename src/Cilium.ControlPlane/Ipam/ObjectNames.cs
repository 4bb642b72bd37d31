using System.Text.RegularExpressions;

namespace Cilium.ControlPlane.Ipam;

/// <summary>Which texts may be the name of an object: DNS subdomains of RFC 1123, as the API server has it.</summary>
internal static partial class ObjectNames
{
    private const int LongestName = 253;

    public static bool IsName(string text) => text.Length <= LongestName && Subdomain().IsMatch(text);

    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Subdomain();
}
