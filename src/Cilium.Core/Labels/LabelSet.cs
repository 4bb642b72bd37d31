using System.Collections;

namespace Cilium.Core;

/// <summary>An immutable set of labels, sorted, with at most one label per source and key; equal by content.</summary>
/// <remarks>Thread-safe. The hash is computed once, since label sets are the keys of identity caches.</remarks>
public sealed class LabelSet : IReadOnlyList<Label>, IEquatable<LabelSet>
{
    private readonly Label[] _labels;
    private readonly int _hash;

    private LabelSet(Label[] sorted)
    {
        _labels = sorted;
        var hash = new HashCode();
        foreach (var label in sorted)
        {
            hash.Add(label);
        }

        _hash = hash.ToHashCode();
    }

    /// <summary>The set without labels.</summary>
    public static LabelSet Empty { get; } = new([]);

    /// <summary>Makes a set; of two labels with the same source and key the later wins.</summary>
    public static LabelSet Create(IEnumerable<Label> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        var byKey = new Dictionary<(string, string), Label>();
        foreach (var label in labels)
        {
            byKey[(label.Source, label.Key)] = label;
        }

        var sorted = byKey.Values.ToArray();
        Array.Sort(sorted);
        return sorted.Length == 0 ? Empty : new LabelSet(sorted);
    }

    /// <summary>Makes a set from texts of the form <c>source:key=value</c>.</summary>
    public static LabelSet Parse(params IEnumerable<string> texts) => Create(texts.Select(text => Label.Parse(text)));

    /// <summary>The labels of a reserved identity: <c>reserved:name</c>.</summary>
    public static LabelSet Reserved(string name) => new([new Label(Label.SourceReserved, name, "")]);

    /// <inheritdoc/>
    public int Count => _labels.Length;

    /// <inheritdoc/>
    public Label this[int index] => _labels[index];

    /// <summary>The labels in order.</summary>
    public ReadOnlySpan<Label> AsSpan() => _labels;

    /// <summary>Finds the value of a key; <see cref="Label.SourceAny"/> looks at every source.</summary>
    public bool TryGetValue(string source, string key, out string value)
    {
        foreach (var label in _labels)
        {
            if (label.Key == key && (source == Label.SourceAny || label.Source == source))
            {
                value = label.Value;
                return true;
            }
        }

        value = "";
        return false;
    }

    /// <summary>True when some label has this source (or any) and key.</summary>
    public bool HasKey(string source, string key) => TryGetValue(source, key, out _);

    /// <inheritdoc/>
    public bool Equals(LabelSet? other) =>
        other is not null && (ReferenceEquals(this, other) || (_hash == other._hash && _labels.AsSpan().SequenceEqual(other._labels)));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LabelSet);

    /// <inheritdoc/>
    public override int GetHashCode() => _hash;

    /// <inheritdoc/>
    public IEnumerator<Label> GetEnumerator() => ((IEnumerable<Label>)_labels).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _labels.GetEnumerator();

    /// <summary>The labels, comma-separated.</summary>
    public override string ToString() => string.Join(',', _labels);
}
