using Cilium.Core;

namespace Cilium.Hubble.Enrichment;

/// <summary>Holds the current <see cref="HubbleSnapshot"/>: the control plane writes, recorders and readers take the version of the moment.</summary>
/// <remarks>Thread-safe; writers queue on a lock, readers take one reference.</remarks>
public sealed class HubbleIndex
{
    private readonly Lock _writing = new();
    private HubbleSnapshot _current = HubbleSnapshot.Empty;

    /// <summary>The version of this moment.</summary>
    public HubbleSnapshot Current => Volatile.Read(ref _current);

    /// <summary>Publishes one new version with all changes of <paramref name="change"/>, which must not call back into this object.</summary>
    public void Update(Action<HubbleSnapshotBuilder> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        lock (_writing)
        {
            var builder = new HubbleSnapshotBuilder(_current);
            change(builder);
            Volatile.Write(ref _current, builder.Build());
        }
    }

    /// <summary>Sets the owner of an address.</summary>
    public void SetEndpoint(IpAddr address, HubbleEndpoint endpoint) => Update(builder => builder.Endpoints[address] = endpoint);

    /// <summary>Removes the owner of an address; absent is success.</summary>
    public void RemoveEndpoint(IpAddr address) => Update(builder => builder.Endpoints.Remove(address));

    /// <summary>Sets the labels of an identity.</summary>
    public void SetLabels(Identity identity, LabelSet labels) => Update(builder => builder.SetLabels(identity, labels));
}
