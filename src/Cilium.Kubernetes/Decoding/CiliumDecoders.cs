using System.Globalization;
using System.Text.Json;
using Cilium.Core;
using Cilium.Kubernetes.Wire;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Decodes the objects by which nodes and endpoints tell about each other.</summary>
internal static class CiliumDecoders
{
    /// <summary>The operator's mark on an identity that seems unused.</summary>
    public const string UnusedAnnotation = "io.cilium.heartbeat";

    public static CiliumEndpointRow? CiliumEndpoint(ReadOnlySpan<byte> json) =>
        Row(JsonSerializer.Deserialize(json, WireJson.Default.CiliumEndpointWire));

    public static CiliumEndpointRow? Row(CiliumEndpointWire? endpoint)
    {
        if (endpoint?.Metadata is not { Name: { } name, Namespace: { } inNamespace } metadata)
        {
            return null;
        }

        var status = endpoint.Status ?? new CiliumEndpointStatusWire();
        var ports = new List<ContainerPort>();
        foreach (var port in status.NamedPorts ?? [])
        {
            if (Fields.TryPort(port.Port, out var number))
            {
                ports.Add(new ContainerPort(port.Name ?? "", number, Fields.Protocol(port.Protocol)));
            }
        }

        return new CiliumEndpointRow
        {
            Namespace = inNamespace,
            Name = name,
            Uid = metadata.Uid ?? "",
            CreatedAt = PoolDecoders.Time(metadata.CreationTimestamp),
            Id = new EndpointId((ushort)(status.Id is > 0 and <= 65535 ? status.Id.Value : 0)),
            State = status.State ?? "",
            Identity = new Identity((uint)(status.Identity?.Id is > 0 and <= uint.MaxValue ? status.Identity.Id.Value : 0)),
            Addresses = Fields.Addresses((status.Networking?.Addressing ?? []).SelectMany(pair => new[] { pair.Ipv4, pair.Ipv6 })),
            NodeIP = IpAddr.TryParse(status.Networking?.Node, out var nodeIP) ? nodeIP : IpAddr.None,
            NamedPorts = ports.ToEquatableArray(),
            EncryptionKey = (byte)(status.Encryption?.Key is > 0 and <= 255 ? status.Encryption.Key.Value : 0),
            PodUid = metadata.OwnerReferences?.Find(owner => owner.Kind == "Pod")?.Uid ?? "",
        };
    }

    public static CiliumIdentityRow? CiliumIdentity(ReadOnlySpan<byte> json) =>
        Row(JsonSerializer.Deserialize(json, WireJson.Default.CiliumIdentityWire));

    public static CiliumIdentityRow? Row(CiliumIdentityWire? identity)
    {
        if (identity?.Metadata is not { Name: { } name } metadata
            || !uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }

        return new CiliumIdentityRow
        {
            Id = new Identity(number),
            Labels = LabelSet.Create((identity.SecurityLabels ?? []).Select(pair => Label.Parse(pair.Key) with { Value = pair.Value })),
            Uid = metadata.Uid ?? "",
            CreatedAt = metadata.CreationTimestamp ?? "",
            Version = ulong.TryParse(metadata.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0,
            UnusedSince = metadata.Annotations is not null && metadata.Annotations.TryGetValue(UnusedAnnotation, out var mark) ? mark : "",
        };
    }
}
