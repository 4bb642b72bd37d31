namespace Cilium.Kubernetes;

/// <summary>Turns one object into a row; null when the object is none of ours.</summary>
/// <param name="json">The object, as UTF-8.</param>
/// <exception cref="System.Text.Json.JsonException">The object is malformed: it is left out with a warning.</exception>
/// <typeparam name="TRow">The row.</typeparam>
public delegate TRow? RowDecoder<TRow>(ReadOnlySpan<byte> json)
    where TRow : class;
