using System.Collections.Immutable;
using Cilium.Core;

namespace Cilium.Hubble.Enrichment;

/// <summary>What is known, at one moment, of the addresses and numbers that events carry. Immutable; versions share their structure.</summary>
/// <remarks>
/// A recorded event keeps a reference to the version of its own time and is looked up only when somebody reads it, so that recording costs
/// no lookup and a pod that is gone still has its name in old flows.
/// </remarks>
public sealed class HubbleSnapshot
{
    internal HubbleSnapshot(
        ImmutableDictionary<IpAddr, HubbleEndpoint> endpoints,
        ImmutableDictionary<Identity, ImmutableArray<string>> labels,
        ImmutableDictionary<Prefix, Identity> identities,
        ImmutableSortedDictionary<int, int> prefixLengths,
        ImmutableDictionary<(IpAddr Address, ushort Port), HubbleService> services,
        ImmutableDictionary<int, string> interfaces,
        ImmutableDictionary<ulong, HubbleNamespace> namespaces,
        ImmutableDictionary<EndpointId, IHubblePolicies> policies,
        ImmutableArray<string> nodeLabels)
    {
        Endpoints = endpoints;
        Labels = labels;
        Identities = identities;
        PrefixLengths = prefixLengths;
        Services = services;
        Interfaces = interfaces;
        Namespaces = namespaces;
        Policies = policies;
        NodeLabels = nodeLabels;
    }

    /// <summary>The version that knows nothing.</summary>
    public static HubbleSnapshot Empty { get; } = new(
        ImmutableDictionary<IpAddr, HubbleEndpoint>.Empty,
        ImmutableDictionary<Identity, ImmutableArray<string>>.Empty,
        ImmutableDictionary<Prefix, Identity>.Empty,
        ImmutableSortedDictionary.Create<int, int>(Comparer<int>.Create((left, right) => right.CompareTo(left))),
        ImmutableDictionary<(IpAddr, ushort), HubbleService>.Empty,
        ImmutableDictionary<int, string>.Empty,
        ImmutableDictionary<ulong, HubbleNamespace>.Empty,
        ImmutableDictionary<EndpointId, IHubblePolicies>.Empty,
        []);

    /// <summary>Owners by address.</summary>
    public ImmutableDictionary<IpAddr, HubbleEndpoint> Endpoints { get; }

    /// <summary>Labels by identity, as <c>source:key=value</c>, sorted.</summary>
    public ImmutableDictionary<Identity, ImmutableArray<string>> Labels { get; }

    /// <summary>Identities by prefix (the ipcache).</summary>
    public ImmutableDictionary<Prefix, Identity> Identities { get; }

    /// <summary>Services by frontend address and port.</summary>
    public ImmutableDictionary<(IpAddr Address, ushort Port), HubbleService> Services { get; }

    /// <summary>Device names by kernel index.</summary>
    public ImmutableDictionary<int, string> Interfaces { get; }

    /// <summary>Labels of this node's object, as <c>key=value</c>, sorted.</summary>
    public ImmutableArray<string> NodeLabels { get; }

    /// <summary>Addresses of pods and of the node by the kernel's cookie of their network namespace; names the callers of translated sockets.</summary>
    public ImmutableDictionary<ulong, HubbleNamespace> Namespaces { get; }

    /// <summary>What is behind verdicts, by local endpoint.</summary>
    public ImmutableDictionary<EndpointId, IHubblePolicies> Policies { get; }

    /// <summary>How many prefixes have each length in the 128-bit space, longest first.</summary>
    internal ImmutableSortedDictionary<int, int> PrefixLengths { get; }

    /// <summary>The owner of an address, or null.</summary>
    public HubbleEndpoint? EndpointOf(IpAddr address) => Endpoints.GetValueOrDefault(address);

    /// <summary>The identity of an address: its owner's, or that of the longest prefix; unknown if there is none.</summary>
    public Identity IdentityOf(IpAddr address)
    {
        if (Endpoints.TryGetValue(address, out var endpoint))
        {
            return endpoint.Identity;
        }

        foreach (var length in PrefixLengths.Keys)
        {
            var familyLength = address.IsIPv4 ? length - 96 : length;
            if (familyLength >= 0 && Identities.TryGetValue(new Prefix(address, familyLength), out var identity))
            {
                return identity;
            }
        }

        return Identity.Unknown;
    }

    /// <summary>The labels of an identity; those of reserved identities are known without having been told.</summary>
    public ImmutableArray<string> LabelsOf(Identity identity)
    {
        if (Labels.TryGetValue(identity, out var labels))
        {
            return labels;
        }

        return identity.ReservedName is { } name ? [$"reserved:{name}"] : [];
    }

    /// <summary>The service that owns a frontend, or null.</summary>
    public HubbleService? ServiceOf(IpAddr address, ushort port) => Services.GetValueOrDefault((address, port));

    /// <summary>The name of a device; empty if unknown.</summary>
    public string InterfaceName(int index) => Interfaces.GetValueOrDefault(index, "");
}
