using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Cilium.ControlPlane.Configuration;

/// <summary>The written values of a program's options: flags win over <c>CILIUM_*</c> variables, those over the files of the configuration directory.</summary>
/// <remarks>The directory is a mounted ConfigMap: one file per key, the value is its content.</remarks>
public sealed class ConfigValues
{
    private readonly Dictionary<string, string> _flags;
    private readonly Dictionary<string, string> _variables;
    private readonly Dictionary<string, ConfigValue> _files;

    /// <summary>Makes a set of values.</summary>
    /// <param name="flags">Flags by key, without dashes.</param>
    /// <param name="variables">The environment.</param>
    /// <param name="directory">The configuration directory, or null for none.</param>
    /// <exception cref="ConfigurationException">The directory cannot be read.</exception>
    public ConfigValues(IEnumerable<KeyValuePair<string, string>> flags, IDictionary variables, string? directory)
    {
        ArgumentNullException.ThrowIfNull(flags);
        ArgumentNullException.ThrowIfNull(variables);
        _flags = new Dictionary<string, string>(flags);
        _variables = new Dictionary<string, string>();
        foreach (DictionaryEntry entry in variables)
        {
            _variables[(string)entry.Key] = (string?)entry.Value ?? "";
        }

        _files = directory is { Length: > 0 } ? ReadDirectory(directory) : [];
    }

    /// <summary>The keys of all flags and files; variables are only known by asking for them.</summary>
    public IEnumerable<string> Keys => _flags.Keys.Concat(_files.Keys).Distinct(StringComparer.Ordinal);

    /// <summary>Finds the value of a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="variable">A further variable that may carry it, such as <c>K8S_NODE_NAME</c>; null for none.</param>
    /// <param name="value">The value.</param>
    public bool TryGet(string key, string? variable, [NotNullWhen(true)] out ConfigValue? value)
    {
        value = null;
        if (_flags.TryGetValue(key, out var flag))
        {
            value = new ConfigValue(key, flag.Trim(), $"flag --{key}");
        }
        else if (_variables.TryGetValue(VariableOf(key), out var text))
        {
            value = new ConfigValue(key, text.Trim(), $"environment variable {VariableOf(key)}");
        }
        else if (_files.TryGetValue(key, out var file))
        {
            value = file;
        }
        else if (variable is not null && _variables.TryGetValue(variable, out var other))
        {
            value = new ConfigValue(key, other.Trim(), $"environment variable {variable}");
        }

        return value is not null;
    }

    /// <summary>The variable of a key: <c>CILIUM_</c> and the key in upper case with <c>_</c> for <c>-</c>.</summary>
    public static string VariableOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return $"CILIUM_{key.Replace('-', '_').Replace('.', '_').ToUpperInvariant()}";
    }

    private static Dictionary<string, ConfigValue> ReadDirectory(string directory)
    {
        try
        {
            var values = new Dictionary<string, ConfigValue>();
            foreach (var path in Directory.EnumerateFiles(directory))
            {
                // A mounted ConfigMap keeps its versions in entries that begin with two dots.
                var key = Path.GetFileName(path);
                if (!key.StartsWith('.'))
                {
                    values[key] = new ConfigValue(key, File.ReadAllText(path).Trim(), $"file {path}");
                }
            }

            return values;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException([$"config-dir \"{directory}\": {exception.Message}"]);
        }
    }
}
