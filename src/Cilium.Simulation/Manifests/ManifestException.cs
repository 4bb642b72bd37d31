namespace Cilium.Simulation.Manifests;

/// <summary>A manifest that cannot be read.</summary>
/// <param name="file">The file.</param>
/// <param name="document">The document in the file, from 1; 0 when the file as a whole is meant.</param>
/// <param name="field">The field, as <c>spec.ports[0].port</c>; empty when none is meant.</param>
/// <param name="reason">What is wrong.</param>
public sealed class ManifestException(string file, int document, string field, string reason)
    : Exception($"{file}{(document > 0 ? $", document {document}" : "")}{(field.Length > 0 ? $", {field}" : "")}: {reason}")
{
    /// <summary>The file.</summary>
    public string File { get; } = file;

    /// <summary>The document in the file, from 1; 0 when the file as a whole is meant.</summary>
    public int Document { get; } = document;

    /// <summary>The field; empty when none is meant.</summary>
    public string Field { get; } = field;
}
