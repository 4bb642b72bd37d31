using System.Collections.Immutable;
using Cilium.Core;

namespace Cilium.Hubble.Enrichment;

/// <summary>The changes that lead from one <see cref="HubbleSnapshot"/> to the next. Used within <see cref="HubbleIndex.Update"/> only.</summary>
public sealed class HubbleSnapshotBuilder
{
    private readonly ImmutableDictionary<Identity, ImmutableArray<string>>.Builder _labels;
    private readonly ImmutableDictionary<Prefix, Identity>.Builder _identities;
    private readonly ImmutableSortedDictionary<int, int>.Builder _prefixLengths;

    internal HubbleSnapshotBuilder(HubbleSnapshot snapshot)
    {
        Endpoints = snapshot.Endpoints.ToBuilder();
        _labels = snapshot.Labels.ToBuilder();
        _identities = snapshot.Identities.ToBuilder();
        _prefixLengths = snapshot.PrefixLengths.ToBuilder();
        Services = snapshot.Services.ToBuilder();
        Interfaces = snapshot.Interfaces.ToBuilder();
        Namespaces = snapshot.Namespaces.ToBuilder();
        Policies = snapshot.Policies.ToBuilder();
        NodeLabels = snapshot.NodeLabels;
    }

    /// <summary>Owners by address.</summary>
    public IDictionary<IpAddr, HubbleEndpoint> Endpoints { get; }

    /// <summary>Services by frontend address and port.</summary>
    public IDictionary<(IpAddr Address, ushort Port), HubbleService> Services { get; }

    /// <summary>Device names by kernel index.</summary>
    public IDictionary<int, string> Interfaces { get; }

    /// <summary>Labels of this node's object, as <c>key=value</c>, sorted.</summary>
    public ImmutableArray<string> NodeLabels { get; set; }

    /// <summary>Addresses of pods and of the node by the kernel's cookie of their network namespace.</summary>
    public IDictionary<ulong, HubbleNamespace> Namespaces { get; }

    /// <summary>What is behind verdicts, by local endpoint.</summary>
    public IDictionary<EndpointId, IHubblePolicies> Policies { get; }

    /// <summary>Sets the labels of an identity.</summary>
    public void SetLabels(Identity identity, LabelSet labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        _labels[identity] = [.. labels.Select(label => label.ToString()).Order(StringComparer.Ordinal)];
    }

    /// <summary>Forgets an identity's labels.</summary>
    public void RemoveLabels(Identity identity) => _labels.Remove(identity);

    /// <summary>Sets the identity of a prefix.</summary>
    public void SetIdentity(Prefix prefix, Identity identity)
    {
        if (!_identities.ContainsKey(prefix))
        {
            CountLength(prefix.Length128, 1);
        }

        _identities[prefix] = identity;
    }

    /// <summary>Forgets a prefix.</summary>
    public void RemoveIdentity(Prefix prefix)
    {
        if (_identities.Remove(prefix))
        {
            CountLength(prefix.Length128, -1);
        }
    }

    internal HubbleSnapshot Build() => new(
        ((ImmutableDictionary<IpAddr, HubbleEndpoint>.Builder)Endpoints).ToImmutable(),
        _labels.ToImmutable(),
        _identities.ToImmutable(),
        _prefixLengths.ToImmutable(),
        ((ImmutableDictionary<(IpAddr Address, ushort Port), HubbleService>.Builder)Services).ToImmutable(),
        ((ImmutableDictionary<int, string>.Builder)Interfaces).ToImmutable(),
        ((ImmutableDictionary<ulong, HubbleNamespace>.Builder)Namespaces).ToImmutable(),
        ((ImmutableDictionary<EndpointId, IHubblePolicies>.Builder)Policies).ToImmutable(),
        NodeLabels);

    private void CountLength(int length, int change)
    {
        var count = _prefixLengths.GetValueOrDefault(length) + change;
        if (count == 0)
        {
            _prefixLengths.Remove(length);
        }
        else
        {
            _prefixLengths[length] = count;
        }
    }
}
