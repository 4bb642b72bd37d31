using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Cilium.Kubernetes;

/// <summary>An immutable map of texts, sorted by key (ordinal), equal by content: labels, annotations, selectors.</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class StringMap : IReadOnlyDictionary<string, string>, IEquatable<StringMap>
{
    private readonly string[] _keys;
    private readonly string[] _values;

    private StringMap(string[] keys, string[] values)
    {
        _keys = keys;
        _values = values;
    }

    /// <summary>The map without entries.</summary>
    public static StringMap Empty { get; } = new([], []);

    /// <summary>Copies pairs; of two pairs with the same key the later wins.</summary>
    public static StringMap Create(IEnumerable<KeyValuePair<string, string>>? pairs)
    {
        if (pairs is null)
        {
            return Empty;
        }

        if (pairs is Dictionary<string, string> unique)
        {
            return Create(unique);
        }

        var byKey = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in pairs)
        {
            byKey[key] = value;
        }

        return byKey.Count == 0 ? Empty : new StringMap([.. byKey.Keys], [.. byKey.Values]);
    }

    private static StringMap Create(Dictionary<string, string> pairs)
    {
        if (pairs.Count == 0)
        {
            return Empty;
        }

        var (keys, values) = (new string[pairs.Count], new string[pairs.Count]);
        pairs.Keys.CopyTo(keys, 0);
        pairs.Values.CopyTo(values, 0);
        Array.Sort(keys, values, StringComparer.Ordinal);
        return new StringMap(keys, values);
    }

    /// <inheritdoc/>
    public int Count => _keys.Length;

    /// <inheritdoc/>
    public IEnumerable<string> Keys => _keys;

    /// <inheritdoc/>
    public IEnumerable<string> Values => _values;

    /// <inheritdoc/>
    public string this[string key] => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"no key '{key}'");

    /// <inheritdoc/>
    public bool ContainsKey(string key) => Array.BinarySearch(_keys, key, StringComparer.Ordinal) >= 0;

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value)
    {
        var index = Array.BinarySearch(_keys, key, StringComparer.Ordinal);
        value = index < 0 ? null : _values[index];
        return index >= 0;
    }

    /// <summary>The value of a key, or null.</summary>
    public string? ValueOrNull(string key) => TryGetValue(key, out var value) ? value : null;

    /// <inheritdoc/>
    public bool Equals(StringMap? other) =>
        other is not null
        && (ReferenceEquals(this, other) || (_keys.AsSpan().SequenceEqual(other._keys) && _values.AsSpan().SequenceEqual(other._values)));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as StringMap);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var key in _keys)
        {
            hash.Add(key);
        }

        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, string>> GetEnumerator()
    {
        for (var i = 0; i < _keys.Length; i++)
        {
            yield return new KeyValuePair<string, string>(_keys[i], _values[i]);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The entries as <c>key=value</c>, comma-separated.</summary>
    public override string ToString() => string.Join(',', this.Select(pair => $"{pair.Key}={pair.Value}"));
}
