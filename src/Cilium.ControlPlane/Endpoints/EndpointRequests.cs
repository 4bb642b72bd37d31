using System.Globalization;
using Cilium.Api;
using Cilium.Core;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Reads the plugin's request into a row.</summary>
internal static class EndpointRequests
{
    /// <exception cref="EndpointException">400, naming the field.</exception>
    public static LocalEndpointRow Read(EndpointChangeRequest request, DateTimeOffset now)
    {
        if (string.IsNullOrEmpty(request.ContainerId))
        {
            throw Wrong("container-id", request.ContainerId);
        }

        if (string.IsNullOrEmpty(request.InterfaceName))
        {
            throw Wrong("interface-name", request.InterfaceName);
        }

        if (request.InterfaceIndex is <= 0 or > int.MaxValue)
        {
            throw Wrong("interface-index", request.InterfaceIndex.ToString(CultureInfo.InvariantCulture));
        }

        var row = new LocalEndpointRow
        {
            Id = default,
            ContainerId = request.ContainerId,
            ContainerInterfaceName = request.ContainerInterfaceName ?? "",
            InterfaceName = request.InterfaceName,
            InterfaceIndex = (int)request.InterfaceIndex,
            PodMac = Mac(request.Mac, "mac"),
            HostMac = Mac(request.HostMac, "host-mac"),
            IPv4 = Address(request.Addressing?.Ipv4, "addressing.ipv4", wantsIPv4: true),
            IPv6 = Address(request.Addressing?.Ipv6, "addressing.ipv6", wantsIPv4: false),
            PodNamespace = request.K8sNamespace ?? "",
            PodName = request.K8sPodName ?? "",
            PodUid = request.K8sUid ?? "",
            NetnsPath = request.ContainerNetnsPath ?? "",
            NetnsCookie = ulong.TryParse(request.NetnsCookie, NumberStyles.None, CultureInfo.InvariantCulture, out var cookie) ? cookie : 0,
            CreatedAt = now,
        };
        return row.IPv4.IsNone && row.IPv6.IsNone ? throw Wrong("addressing", "") : row;
    }

    private static MacAddress Mac(string? text, string field) =>
        MacAddress.TryParse(text, out var address) ? address : throw Wrong(field, text);

    private static IpAddr Address(string? text, string field, bool wantsIPv4)
    {
        if (string.IsNullOrEmpty(text))
        {
            return IpAddr.None;
        }

        return IpAddr.TryParse(text, out var address) && address.IsIPv4 == wantsIPv4 ? address : throw Wrong(field, text);
    }

    private static EndpointException Wrong(string field, string? value) => new(400, $"{field} '{value}' is not valid");
}
