using System.Globalization;
using Cilium.Api;
using Cilium.Core;
using Cilium.Simulation.Explaining;

namespace Cilium.Hosts.Dbg.Explain;

/// <summary>What the agent calls endpoints, addresses, services and identities. Without an agent there are only numbers and addresses.</summary>
internal sealed class AgentNames
{
    private readonly Dictionary<string, EndpointId> _endpoints = [];
    private readonly Dictionary<EndpointId, string> _names = [];
    private readonly Dictionary<string, IpAddr> _addresses = [];
    private readonly Dictionary<Identity, LabelSet> _labels = [];

    /// <summary>Asks the agent; <paramref name="client"/> may be away.</summary>
    public static async Task<AgentNames> ReadAsync(AgentClient client, CancellationToken cancellationToken)
    {
        var names = new AgentNames();
        try
        {
            names.Take(
                await client.GetEndpointsAsync(cancellationToken),
                await client.GetAddressesAsync(cancellationToken),
                await client.GetServicesAsync(cancellationToken),
                await client.GetIdentitiesAsync(cancellationToken));
            return names;
        }
        catch (AgentUnavailableException)
        {
            // The maps outlive the agent, and so does what can be asked by number and address.
            return names;
        }
    }

    /// <summary>Takes what an agent tells.</summary>
    public void Take(
        IEnumerable<EndpointModel> endpoints, IEnumerable<IpListEntry> addresses, IEnumerable<ServiceModel> services, IEnumerable<IdentityModel> identities)
    {
        foreach (var entry in addresses)
        {
            if (entry.Metadata is { Namespace: { Length: > 0 } space, Name: { Length: > 0 } name } && Prefix.TryParseAddressOrPrefix(entry.Cidr, out var prefix))
            {
                _addresses.TryAdd($"{space}/{name}", prefix.Address);
            }
        }

        foreach (var endpoint in endpoints)
        {
            if (endpoint.Status?.ExternalIdentifiers is not { K8sNamespace: { Length: > 0 } space, K8sPodName: { Length: > 0 } name })
            {
                continue;
            }

            var (key, id) = ($"{space}/{name}", new EndpointId((ushort)endpoint.Id));
            _endpoints[key] = id;
            _names[id] = key;
            var pair = endpoint.Status.Networking?.Addressing is [var first, ..] ? first : null;
            if (IpAddr.TryParse(pair?.Ipv4, out var address) || IpAddr.TryParse(pair?.Ipv6, out address))
            {
                _addresses[key] = address;
            }
        }

        foreach (var service in services)
        {
            if (service.Spec is { Flags: { Namespace: { Length: > 0 } space, Name: { Length: > 0 } name }, FrontendAddress.Ip: { } ip } && IpAddr.TryParse(ip, out var address))
            {
                _addresses.TryAdd($"svc/{space}/{name}", address);
            }
        }

        foreach (var identity in identities)
        {
            _labels[new Identity((uint)identity.Id)] = LabelSet.Parse(identity.Labels ?? []);
        }
    }

    /// <summary>The labels of an identity, or null.</summary>
    public LabelSet? LabelsOf(Identity identity) => _labels.GetValueOrDefault(identity);

    /// <summary>The pod of an endpoint, or null.</summary>
    public string? NameOf(EndpointId endpoint) => _names.GetValueOrDefault(endpoint);

    /// <summary>The endpoint that a text means: its number, <c>namespace/pod</c>, or a pod of <c>default</c>.</summary>
    /// <exception cref="QuestionException">There is none on this node.</exception>
    public EndpointId Endpoint(string text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? new EndpointId(number)
        : _endpoints.TryGetValue(Full(text), out var id) ? id
        : throw new QuestionException($"{text} is no endpoint of this node");

    /// <summary>The address that a text means: itself, <c>namespace/pod</c>, <c>svc/name</c> or <c>svc/namespace/name</c>.</summary>
    /// <exception cref="QuestionException">It means nobody.</exception>
    public IpAddr Address(string text)
    {
        if (IpAddr.TryParse(text, out var address))
        {
            return address;
        }

        var key = text.StartsWith("svc/", StringComparison.Ordinal) ? $"svc/{Full(text[4..])}" : Full(text);
        return _addresses.TryGetValue(key, out address) ? address : throw new QuestionException($"the agent knows no {text}");
    }

    private static string Full(string text) => text.Contains('/', StringComparison.Ordinal) ? text : $"default/{text}";
}
