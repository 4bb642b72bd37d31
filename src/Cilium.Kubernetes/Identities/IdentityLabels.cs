using System.Buffers;
using Cilium.Core;

namespace Cilium.Kubernetes.Identities;

/// <summary>The labels that a CiliumIdentity object carries in its metadata: those from Kubernetes that are valid there.</summary>
internal static class IdentityLabels
{
    private const int NameLength = 63;
    private const int PrefixLength = 253;

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    public static Dictionary<string, string> Metadata(LabelSet labels)
    {
        var metadata = new Dictionary<string, string>();
        foreach (var label in labels)
        {
            if (label.Source == Label.SourceK8s && IsKey(label.Key) && (label.Value.Length == 0 || IsName(label.Value)))
            {
                metadata[label.Key] = label.Value;
            }
        }

        return metadata;
    }

    public static Dictionary<string, string> Security(LabelSet labels) =>
        labels.ToDictionary(label => label.QualifiedKey, label => label.Value);

    /// <summary>A query parameter that finds the objects of these labels, and possibly a few more.</summary>
    public static string Selector(LabelSet labels)
    {
        var metadata = Metadata(labels);
        return metadata.Count == 0
            ? ""
            : $"&labelSelector={Uri.EscapeDataString(string.Join(',', metadata.Select(pair => $"{pair.Key}={pair.Value}")))}";
    }

    private static bool IsKey(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        return slash < 0
            ? IsName(key)
            : slash is > 0 and <= PrefixLength && IsPrefix(key.AsSpan(0, slash)) && IsName(key.AsSpan(slash + 1));
    }

    private static bool IsName(ReadOnlySpan<char> name) =>
        name.Length is > 0 and <= NameLength
        && char.IsAsciiLetterOrDigit(name[0])
        && char.IsAsciiLetterOrDigit(name[^1])
        && !name.ContainsAnyExcept(NameCharacters);

    private static bool IsPrefix(ReadOnlySpan<char> prefix)
    {
        foreach (var part in prefix.Split('.'))
        {
            var label = prefix[part];
            if (label.IsEmpty || label[0] == '-' || label[^1] == '-')
            {
                return false;
            }

            foreach (var c in label)
            {
                if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-')
                {
                    return false;
                }
            }
        }

        return true;
    }
}
