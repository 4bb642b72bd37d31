using System.Globalization;
using Cilium.Core;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Endpoint ids of the API: a number, or a prefix and a name (<c>container-id:</c>, <c>pod-name:</c>, <c>ipv4:</c>, ...).</summary>
public sealed class EndpointSelector
{
    private readonly Func<LocalEndpointRow, bool> _matches;

    private EndpointSelector(Func<LocalEndpointRow, bool> matches) => _matches = matches;

    /// <summary>True when the endpoint is meant.</summary>
    public bool Matches(LocalEndpointRow endpoint) => _matches(endpoint);

    /// <summary>Parses an id; false for an unknown prefix or a malformed name.</summary>
    public static bool TryParse(string text, out EndpointSelector selector)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var prefix = colon < 0 ? "cilium-local" : text[..colon];
        var name = text[(colon + 1)..];
        Func<LocalEndpointRow, bool>? matches = prefix switch
        {
            "cilium-local" => ushort.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? endpoint => endpoint.Id.Value == id : null,
            "container-id" => endpoint => endpoint.ContainerId == name,
            "container-name" => static _ => false,
            "docker-endpoint" => static _ => false,
            "cni-attachment-id" => endpoint => endpoint.AttachmentId == name || (!name.Contains(':', StringComparison.Ordinal) && endpoint.ContainerId == name),
            "pod-name" or "cep-name" => PodMatch(name),
            "ipv4" or "ipv6" => IpAddr.TryParse(name, out var address) && address.IsIPv4 == (prefix == "ipv4")
                ? endpoint => endpoint.IPv4 == address || endpoint.IPv6 == address
                : null,
            _ => null,
        };
        selector = new EndpointSelector(matches ?? (static _ => false));
        return matches is not null;
    }

    private static Func<LocalEndpointRow, bool>? PodMatch(string name)
    {
        var separator = name.IndexOfAny([':', '/']);
        return separator <= 0
            ? null
            : endpoint => endpoint.PodNamespace == name[..separator] && endpoint.PodName == name[(separator + 1)..];
    }
}
