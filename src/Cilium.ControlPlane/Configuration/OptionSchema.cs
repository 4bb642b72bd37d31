using System.Globalization;
using Cilium.Core;

namespace Cilium.ControlPlane.Configuration;

/// <summary>The options of a program: each key with its type, bounds and the property it sets.</summary>
/// <remarks>Build once, then <see cref="Bind"/> values as often as wanted. Keys are upstream's.</remarks>
/// <typeparam name="TOptions">The options object, whose initial values are the defaults.</typeparam>
public sealed class OptionSchema<TOptions>
    where TOptions : class
{
    private readonly Dictionary<string, Entry> _entries = [];

    private delegate string? Setter(TOptions options, string text);

    /// <summary>Every key with what it means, in the order added; what a command line offers as <c>--key value</c>.</summary>
    public IEnumerable<(string Key, string Description)> Keys => _entries.Select(entry => (entry.Key, entry.Value.Description));

    /// <summary>Adds a text.</summary>
    public OptionSchema<TOptions> Text(string key, string description, Action<TOptions, string> set, string? variable = null) =>
        Add(key, description, variable, (options, text) =>
        {
            set(options, text);
            return null;
        });

    /// <summary>Adds a text that has a form of its own.</summary>
    /// <param name="key">The key.</param>
    /// <param name="description">What it means.</param>
    /// <param name="set">Sets the option, or tells what is wrong; null when all is well.</param>
    public OptionSchema<TOptions> Checked(string key, string description, Func<TOptions, string, string?> set) =>
        Add(key, description, null, (options, text) => set(options, text));

    /// <summary>Adds a switch: <c>true</c>, <c>false</c> and the other words of Go's ParseBool.</summary>
    public OptionSchema<TOptions> Boolean(string key, string description, Action<TOptions, bool> set) =>
        Add(key, description, null, (options, text) =>
        {
            bool? value = text switch
            {
                "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
                "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
                _ => null,
            };
            if (value is null)
            {
                return "must be true or false";
            }

            set(options, value.Value);
            return null;
        });

    /// <summary>Adds a whole number within bounds.</summary>
    public OptionSchema<TOptions> Integer(string key, string description, long minimum, long maximum, Action<TOptions, long> set) =>
        Add(key, description, null, (options, text) =>
        {
            if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            {
                return "must be a whole number";
            }

            if (value < minimum || value > maximum)
            {
                return $"must be from {minimum} to {maximum}";
            }

            set(options, value);
            return null;
        });

    /// <summary>Adds a number from 0 to 1.</summary>
    public OptionSchema<TOptions> Fraction(string key, string description, Action<TOptions, double> set) =>
        Add(key, description, null, (options, text) =>
        {
            if (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || value is not (>= 0 and <= 1))
            {
                return "must be a number from 0 to 1";
            }

            set(options, value);
            return null;
        });

    /// <summary>Adds a duration of at least <paramref name="minimum"/>.</summary>
    public OptionSchema<TOptions> Duration(string key, string description, TimeSpan minimum, Action<TOptions, TimeSpan> set) =>
        Add(key, description, null, (options, text) =>
        {
            if (!GoDuration.TryParse(text, out var value))
            {
                return "must be a duration such as 15m0s";
            }

            if (value < minimum)
            {
                return $"must be at least {GoDuration.Format(minimum)}";
            }

            set(options, value);
            return null;
        });

    /// <summary>Adds one of some words.</summary>
    public OptionSchema<TOptions> Choice(string key, string description, IReadOnlyList<string> words, Action<TOptions, string> set) =>
        Add(key, description, null, (options, text) =>
        {
            if (!words.Contains(text, StringComparer.Ordinal))
            {
                return $"must be one of {string.Join(", ", words)}";
            }

            set(options, text);
            return null;
        });

    /// <summary>Adds a list, separated by commas or white space; may be empty.</summary>
    public OptionSchema<TOptions> List(string key, string description, Action<TOptions, IReadOnlyList<string>> set) =>
        Add(key, description, null, (options, text) =>
        {
            set(options, Split(text));
            return null;
        });

    /// <summary>Adds a list of CIDR prefixes, separated by commas or white space; may be empty.</summary>
    public OptionSchema<TOptions> Prefixes(string key, string description, Action<TOptions, IReadOnlyList<Prefix>> set) =>
        Add(key, description, null, (options, text) =>
        {
            var prefixes = new List<Prefix>();
            foreach (var item in Split(text))
            {
                if (!Prefix.TryParse(item, out var prefix))
                {
                    return $"'{item}' is not a CIDR prefix";
                }

                prefixes.Add(prefix);
            }

            set(options, prefixes);
            return null;
        });

    /// <summary>Adds a list of <c>name=value</c>, separated by commas or white space; may be empty.</summary>
    public OptionSchema<TOptions> Pairs(string key, string description, Action<TOptions, IReadOnlyDictionary<string, string>> set) =>
        Add(key, description, null, (options, text) =>
        {
            var pairs = new Dictionary<string, string>();
            foreach (var item in Split(text))
            {
                var equals = item.IndexOf('=', StringComparison.Ordinal);
                if (equals <= 0)
                {
                    return $"'{item}' is not of the form name=value";
                }

                pairs[item[..equals]] = item[(equals + 1)..];
            }

            set(options, pairs);
            return null;
        });

    /// <summary>Adds a key of a feature that is absent: only the values that leave the feature off are accepted.</summary>
    public OptionSchema<TOptions> Absent(string key, string feature, params IReadOnlyList<string> accepted) =>
        Add(key, $"{feature} (not available)", null, (_, text) =>
            accepted.Contains(text, StringComparer.OrdinalIgnoreCase) ? null : $"{feature} is not available in this version");

    /// <summary>Sets the options that have values and checks the result.</summary>
    /// <param name="values">What was written.</param>
    /// <param name="options">The options, holding their defaults.</param>
    /// <param name="check">Adds errors about values that contradict each other; null for none.</param>
    /// <returns>The keys that were written and are none of this program's, sorted: tell them in one log line.</returns>
    /// <exception cref="ConfigurationException">Lists every malformed value.</exception>
    public IReadOnlyList<string> Bind(ConfigValues values, TOptions options, Action<TOptions, List<string>>? check = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        foreach (var (key, entry) in _entries)
        {
            if (values.TryGet(key, entry.Variable, out var value) && entry.Set(options, value.Text) is { } error)
            {
                errors.Add($"{value}: {error}");
            }
        }

        if (errors.Count == 0)
        {
            check?.Invoke(options, errors);
        }

        if (errors.Count > 0)
        {
            throw new ConfigurationException(errors);
        }

        return [.. values.Keys.Where(key => !_entries.ContainsKey(key)).Order(StringComparer.Ordinal)];
    }

    private static string[] Split(string text) =>
        text.Split([',', ' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private OptionSchema<TOptions> Add(string key, string description, string? variable, Setter set)
    {
        _entries.Add(key, new Entry(description, variable, set));
        return this;
    }

    private sealed record Entry(string Description, string? Variable, Setter Set);
}
