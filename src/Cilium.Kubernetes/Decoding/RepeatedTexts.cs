using System.Text.Json;

namespace Cilium.Kubernetes.Decoding;

/// <summary>
/// Texts that many objects have in common (namespaces, nodes, zones, port names), kept once: a string that was read lately is handed out again
/// instead of a copy of it.
/// </summary>
/// <remarks>Thread-safe without a lock: a slot is read and written as a whole, and what is found there is compared before it is used.</remarks>
internal static class RepeatedTexts
{
    private const int Slots = 1024;
    private const int LongestBytes = 64;
    private static readonly string?[] s_slots = new string?[Slots];

    /// <summary>The string that the reader is at.</summary>
    public static string Read(ref Utf8JsonReader reader)
    {
        if (reader.ValueIsEscaped || reader.HasValueSequence || reader.ValueSpan.Length > LongestBytes)
        {
            return reader.GetString()!;
        }

        var hash = new HashCode();
        hash.AddBytes(reader.ValueSpan);
        ref var slot = ref s_slots[(uint)hash.ToHashCode() % Slots];
        return slot is { } known && reader.ValueTextEquals(known) ? known : slot = reader.GetString()!;
    }
}
