using System.Globalization;
using Cilium.Core;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Wire;
using Cilium.Kubernetes.Writing;

namespace Cilium.Kubernetes;

/// <summary>Marks CiliumIdentities as unused, unmarks them, and deletes marked ones: the operator's side of their life.</summary>
/// <remarks>Thread-safe. Refusals of the server are <see cref="KubernetesException"/>.</remarks>
public sealed class CiliumIdentityWriter
{
    private readonly KubernetesObjects _objects;

    /// <summary>Makes a writer over a connection.</summary>
    public CiliumIdentityWriter(KubernetesConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _objects = new KubernetesObjects(connection);
    }

    /// <summary>Marks an identity as unused since a time.</summary>
    /// <returns>False when it is gone.</returns>
    public Task<bool> MarkUnusedAsync(Identity identity, DateTimeOffset since, CancellationToken cancellationToken) =>
        AnnotateAsync(identity, since.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture), cancellationToken);

    /// <summary>Takes the mark off.</summary>
    /// <returns>False when it is gone.</returns>
    public Task<bool> UnmarkAsync(Identity identity, CancellationToken cancellationToken) => AnnotateAsync(identity, null, cancellationToken);

    /// <summary>Reads a mark; false when the text is no time.</summary>
    public static bool TryReadMark(string mark, out DateTimeOffset since) =>
        DateTimeOffset.TryParse(mark, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out since);

    /// <summary>Deletes an identity that still carries this mark; one that an agent took up again in the meantime stays.</summary>
    /// <returns>True when it was deleted.</returns>
    public async Task<bool> DeleteMarkedAsync(Identity identity, string mark, CancellationToken cancellationToken)
    {
        var present = await _objects.GetAsync(Resource.CiliumIdentities, KeyOf(identity), WireJson.Default.CiliumIdentityWire, cancellationToken);
        return present?.Metadata is { } metadata
            && CiliumDecoders.Row(present)?.UnusedSince == mark
            && await _objects.DeleteAsync(Resource.CiliumIdentities, KeyOf(identity), metadata.Uid, metadata.ResourceVersion, cancellationToken);
    }

    private async Task<bool> AnnotateAsync(Identity identity, string? mark, CancellationToken cancellationToken)
    {
        var patch = new CiliumIdentityWire
        {
            Metadata = new MetaWire { Annotations = new Dictionary<string, string> { [CiliumDecoders.UnusedAnnotation] = mark! } },
        };
        return await _objects.PatchAsync(
            Resource.CiliumIdentities, KeyOf(identity), "", KubernetesObjects.MergePatch, patch, WireJson.Default.CiliumIdentityWire, cancellationToken) is not null;
    }

    private static NamespacedName KeyOf(Identity identity) => new("", identity.Value.ToString(CultureInfo.InvariantCulture));
}
