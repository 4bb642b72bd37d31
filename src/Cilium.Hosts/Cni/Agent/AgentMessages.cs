using System.Buffers;
using System.Text.Json;
using Cilium.Api;

namespace Cilium.Hosts.Cni.Agent;

/// <summary>What the plugin and the agent say to each other in every ADD and DEL, as JSON.</summary>
/// <remarks>
/// Read and written by hand: in a process that lives for some forty milliseconds the serializer, which studies every member of every model before the
/// first use, took a third of the processor's time. The models stay those of <see cref="ApiJson"/>, and a test compares the two.
/// </remarks>
internal static class AgentMessages
{
    /// <summary>The sizes in the answer to <c>GET /config</c>; what else is in it stays empty.</summary>
    /// <exception cref="JsonException">It is no such answer.</exception>
    public static DaemonConfigurationStatus? ReadConfiguration(ReadOnlyMemory<byte> answer)
    {
        using var document = JsonDocument.Parse(answer);
        return Member(document.RootElement, "status") is not { } status ? null : new DaemonConfigurationStatus
        {
            DeviceMtu = (int)Number(status, "deviceMTU"),
            RouteMtu = (int)Number(status, "routeMTU"),
            GsoMaxSize = Number(status, "GSOMaxSize"),
            GroMaxSize = Number(status, "GROMaxSize"),
        };
    }

    /// <summary>The addresses in the answer to <c>POST /ipam</c>, with routers and expirations; what else is in it stays empty.</summary>
    /// <exception cref="JsonException">It is no such answer.</exception>
    public static IpamResponse ReadAddresses(ReadOnlyMemory<byte> answer)
    {
        using var document = JsonDocument.Parse(answer);
        var root = document.RootElement;
        return new IpamResponse
        {
            Address = Member(root, "address") is not { } address ? null : new AddressPair
            {
                Ipv4 = Text(address, "ipv4"),
                Ipv4PoolName = Text(address, "ipv4-pool-name"),
                Ipv6 = Text(address, "ipv6"),
                Ipv6PoolName = Text(address, "ipv6-pool-name"),
            },
            HostAddressing = Member(root, "host-addressing") is not { } host ? null : new NodeAddressing
            {
                Ipv4 = Router(host, "ipv4"),
                Ipv6 = Router(host, "ipv6"),
            },
            Ipv4 = OneAddress(root, "ipv4"),
            Ipv6 = OneAddress(root, "ipv6"),
        };
    }

    /// <summary>The body of <c>PUT /endpoint/{id}</c>, with the members that the plugin fills.</summary>
    public static ReadOnlyMemory<byte> Write(EndpointChangeRequest request) => Write(json =>
    {
        json.WriteNumber("id", request.Id);
        WriteText(json, "container-id", request.ContainerId);
        WriteText(json, "container-interface-name", request.ContainerInterfaceName);
        WriteText(json, "interface-name", request.InterfaceName);
        json.WriteNumber("interface-index", request.InterfaceIndex);
        WriteText(json, "mac", request.Mac);
        WriteText(json, "host-mac", request.HostMac);
        if (request.Addressing is { } addressing)
        {
            json.WriteStartObject("addressing");
            WriteText(json, "ipv4", addressing.Ipv4);
            WriteText(json, "ipv4-pool-name", addressing.Ipv4PoolName);
            WriteText(json, "ipv4-expiration-uuid", addressing.Ipv4ExpirationUuid);
            WriteText(json, "ipv6", addressing.Ipv6);
            WriteText(json, "ipv6-pool-name", addressing.Ipv6PoolName);
            WriteText(json, "ipv6-expiration-uuid", addressing.Ipv6ExpirationUuid);
            json.WriteEndObject();
        }

        WriteText(json, "k8s-pod-name", request.K8sPodName);
        WriteText(json, "k8s-namespace", request.K8sNamespace);
        WriteText(json, "k8s-uid", request.K8sUid);
        WriteText(json, "container-netns-path", request.ContainerNetnsPath);
        WriteText(json, "netns-cookie", request.NetnsCookie);
        WriteText(json, "state", request.State);
        json.WriteBoolean("sync-build-endpoint", request.SyncBuildEndpoint);
    });

    /// <summary>The body of <c>DELETE /endpoint</c>.</summary>
    public static ReadOnlyMemory<byte> Write(EndpointBatchDeleteRequest request) => Write(json => WriteText(json, "container-id", request.ContainerId));

    private static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static NodeAddressingElement? Router(JsonElement host, string family) =>
        Member(host, family) is not { } element ? null : new NodeAddressingElement { Ip = Text(element, "ip") };

    private static IpamAddressResponse? OneAddress(JsonElement root, string family) => Member(root, family) is not { } element ? null : new IpamAddressResponse
    {
        Ip = Text(element, "ip"),
        Gateway = Text(element, "gateway"),
        ExpirationUuid = Text(element, "expiration-uuid"),
    };

    private static JsonElement? Member(JsonElement parent, string name) => Find(parent, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => value,
        { ValueKind: var kind } => throw new JsonException($"{name} is a {kind}, not an object"),
    };

    private static string? Text(JsonElement parent, string name) => Find(parent, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        { ValueKind: var kind } => throw new JsonException($"{name} is a {kind}, not a string"),
    };

    private static long Number(JsonElement parent, string name) => Find(parent, name) switch
    {
        null => 0,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt64(out var number) && number is >= 0 and <= int.MaxValue => number,
        { } value => throw new JsonException($"{name} is {value.GetRawText()}, not a size"),
    };

    private static JsonElement? Find(JsonElement parent, string name) =>
        parent.ValueKind != JsonValueKind.Object
            ? throw new JsonException($"a {parent.ValueKind} is no object with {name}")
            : parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
