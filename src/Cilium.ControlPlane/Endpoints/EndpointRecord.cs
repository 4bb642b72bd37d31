using System.Globalization;
using System.Text.Json.Serialization;
using Cilium.Core;
using Cilium.Policy;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>An endpoint on disk: <c>ep_config.json</c>. Text forms throughout, so that a person can read it.</summary>
public sealed record EndpointRecord
{
    /// <summary>The number.</summary>
    public required int Id { get; init; }

    /// <summary>The sandbox.</summary>
    public required string ContainerId { get; init; }

    /// <summary>The device's name in the pod.</summary>
    public required string ContainerInterfaceName { get; init; }

    /// <summary>The host side's name.</summary>
    public required string InterfaceName { get; init; }

    /// <summary>The host side's kernel index.</summary>
    public int InterfaceIndex { get; init; }

    /// <summary>The pod side's Ethernet address.</summary>
    public required string PodMac { get; init; }

    /// <summary>The host side's Ethernet address.</summary>
    public required string HostMac { get; init; }

    /// <summary>IPv4 address; empty for none.</summary>
    public required string Ipv4 { get; init; }

    /// <summary>IPv6 address; empty for none.</summary>
    public required string Ipv6 { get; init; }

    /// <summary>Namespace of the pod.</summary>
    public required string PodNamespace { get; init; }

    /// <summary>Name of the pod.</summary>
    public required string PodName { get; init; }

    /// <summary>UID of the pod.</summary>
    public required string PodUid { get; init; }

    /// <summary>Path of the pod's network namespace.</summary>
    public required string NetnsPath { get; init; }

    /// <summary>Cookie of the pod's network namespace.</summary>
    public required string NetnsCookie { get; init; }

    /// <summary>When it was created.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>The last identity; 0 when none was known.</summary>
    public uint Identity { get; init; }

    /// <summary>The labels behind it.</summary>
    public required IReadOnlyList<string> Labels { get; init; }

    /// <summary>The ports of the pod behind the identity; absent from files of versions that did not keep them.</summary>
    public IReadOnlyList<EndpointPortRecord>? PodPorts { get; init; }

    /// <summary>Puts the two rows of an endpoint into one record.</summary>
    public static EndpointRecord Of(LocalEndpointRow endpoint, EndpointIdentityRow? identity)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return new EndpointRecord
        {
            Id = endpoint.Id.Value,
            ContainerId = endpoint.ContainerId,
            ContainerInterfaceName = endpoint.ContainerInterfaceName,
            InterfaceName = endpoint.InterfaceName,
            InterfaceIndex = endpoint.InterfaceIndex,
            PodMac = endpoint.PodMac.ToString(),
            HostMac = endpoint.HostMac.ToString(),
            Ipv4 = endpoint.IPv4.IsNone ? "" : endpoint.IPv4.ToString(),
            Ipv6 = endpoint.IPv6.IsNone ? "" : endpoint.IPv6.ToString(),
            PodNamespace = endpoint.PodNamespace,
            PodName = endpoint.PodName,
            PodUid = endpoint.PodUid,
            NetnsPath = endpoint.NetnsPath,
            NetnsCookie = endpoint.NetnsCookie.ToString(CultureInfo.InvariantCulture),
            CreatedAt = endpoint.CreatedAt,
            Identity = identity?.Identity.Value ?? 0,
            Labels = identity is null ? [] : [.. identity.Labels.Select(label => label.ToString())],
            PodPorts = identity is null || identity.PodPorts.Count == 0 ? null : [.. identity.PodPorts.Select(EndpointPortRecord.Of)],
        };
    }

    /// <summary>The endpoint's row, or null with the name of the field that is wrong.</summary>
    public LocalEndpointRow? ToEndpoint(out string wrongField)
    {
        wrongField = "";
        if (Id is <= 0 or > ushort.MaxValue)
        {
            wrongField = nameof(Id);
        }
        else if (ContainerId.Length == 0)
        {
            wrongField = nameof(ContainerId);
        }
        else if (InterfaceName.Length == 0)
        {
            wrongField = nameof(InterfaceName);
        }
        else if (Labels.Any(label => label is null))
        {
            wrongField = nameof(Labels);
        }
        else if (PodPorts?.Any(port => port is null) == true)
        {
            wrongField = nameof(PodPorts);
        }

        var podMac = Mac(PodMac, nameof(PodMac), ref wrongField);
        var hostMac = Mac(HostMac, nameof(HostMac), ref wrongField);
        var ipv4 = Address(Ipv4, nameof(Ipv4), ref wrongField);
        var ipv6 = Address(Ipv6, nameof(Ipv6), ref wrongField);
        return wrongField.Length > 0 ? null : new LocalEndpointRow
        {
            Id = new EndpointId((ushort)Id),
            ContainerId = ContainerId,
            ContainerInterfaceName = ContainerInterfaceName,
            InterfaceName = InterfaceName,
            InterfaceIndex = InterfaceIndex,
            PodMac = podMac,
            HostMac = hostMac,
            IPv4 = ipv4,
            IPv6 = ipv6,
            PodNamespace = PodNamespace,
            PodName = PodName,
            PodUid = PodUid,
            NetnsPath = NetnsPath,
            NetnsCookie = ulong.TryParse(NetnsCookie, NumberStyles.None, CultureInfo.InvariantCulture, out var cookie) ? cookie : 0,
            CreatedAt = CreatedAt,
            IsRestored = true,
        };
    }

    /// <summary>The identity's row, or null when none was known. Named ports are those of the pod's ports that have a name.</summary>
    public EndpointIdentityRow? ToIdentity()
    {
        if (Identity == 0)
        {
            return null;
        }

        var ports = (PodPorts ?? []).Select(port => port.ToPort()).ToEquatableArray();
        return new EndpointIdentityRow
        {
            Id = new EndpointId((ushort)Id),
            Identity = new Identity(Identity),
            Labels = LabelSet.Parse(Labels),
            NamedPorts = NamedPort.Normalize(ports.Where(port => port.Name.Length > 0).Select(port => new NamedPort(port.Name, port.Protocol, port.Port))),
            PodUid = PodUid,
            PodPorts = ports,
        };
    }

    private static MacAddress Mac(string text, string field, ref string wrongField)
    {
        if (!MacAddress.TryParse(text, out var address))
        {
            wrongField = field;
        }

        return address;
    }

    private static IpAddr Address(string text, string field, ref string wrongField)
    {
        if (text.Length == 0)
        {
            return IpAddr.None;
        }

        if (!IpAddr.TryParse(text, out var address))
        {
            wrongField = field;
        }

        return address;
    }
}

/// <summary>How endpoints are written to disk.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower, WriteIndented = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(EndpointRecord))]
internal sealed partial class EndpointRecordJson : JsonSerializerContext;
