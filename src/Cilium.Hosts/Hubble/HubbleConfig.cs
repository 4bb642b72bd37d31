namespace Cilium.Hosts.Hubble;

/// <summary>Settings from HUBBLE_* variables and from <c>config.yaml</c> in the user's configuration folder, one <c>key: value</c> per line.</summary>
internal static class HubbleConfig
{
    public static readonly string[] Keys =
    [
        "debug", "request-timeout", "server", "timeout", "tls", "tls-allow-insecure", "tls-ca-cert-files", "tls-client-cert-file", "tls-client-key-file",
        "tls-server-name",
    ];

    public static string Path =>
        Environment.GetEnvironmentVariable("HUBBLE_CONFIG") is { Length: > 0 } given
            ? given
            : System.IO.Path.Combine(Home, "hubble", "config.yaml");

    private static string Home => Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } given
        ? given
        : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config");

    public static string? Value(string key)
    {
        var variable = Environment.GetEnvironmentVariable($"HUBBLE_{key.Replace('-', '_').ToUpperInvariant()}");
        return string.IsNullOrEmpty(variable) ? Read().GetValueOrDefault(key) : variable;
    }

    public static SortedDictionary<string, string> Read()
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (!File.Exists(Path))
        {
            return values;
        }

        foreach (var line in File.ReadLines(Path))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && !line.StartsWith('#'))
            {
                values[line[..colon].Trim()] = line[(colon + 1)..].Trim().Trim('"', '\'');
            }
        }

        return values;
    }

    public static void Write(SortedDictionary<string, string> values)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        File.WriteAllLines(Path, values.Select(pair => $"{pair.Key}: {pair.Value}"));
    }
}
