namespace Cilium.Kubernetes.Decoding;

/// <summary>Turns one object into a row; null when the object is none of ours.</summary>
/// <exception cref="System.Text.Json.JsonException">The object is malformed.</exception>
internal delegate TRow? RowDecoder<TRow>(ReadOnlySpan<byte> json)
    where TRow : class;
