using System.Text.Json;
using Cilium.Core;

namespace Cilium.Hosts.Cni.Spec;

/// <summary>A device in a result; the sandbox is empty for the host side.</summary>
internal sealed record CniInterface(string Name, string Mac, string Sandbox, int Mtu);

/// <summary>An address in a result, on the device at an index.</summary>
internal sealed record CniAddress(IpAddr Address, IpAddr Gateway, int InterfaceIndex);

/// <summary>A route of the pod in a result.</summary>
internal sealed record CniRoute(Prefix Destination, IpAddr Gateway, int Mtu);

/// <summary>What ADD tells the runtime.</summary>
internal sealed record CniResult
{
    public IReadOnlyList<CniInterface> Interfaces { get; init; } = [];

    public IReadOnlyList<CniAddress> Addresses { get; init; } = [];

    public IReadOnlyList<CniRoute> Routes { get; init; } = [];

    /// <summary>The result in a version's words: <c>version</c> of addresses went with 1.0.0, MTUs came with 1.1.0.</summary>
    public byte[] ToJson(string version)
    {
        var isBefore1 = version.StartsWith('0');
        var hasMtus = version == "1.1.0";
        using var buffer = new MemoryStream(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("cniVersion", version);
            json.WriteStartArray("interfaces");
            foreach (var device in Interfaces)
            {
                json.WriteStartObject();
                json.WriteString("name", device.Name);
                json.WriteString("mac", device.Mac);
                WriteMtu(json, hasMtus ? device.Mtu : 0);
                if (device.Sandbox.Length > 0)
                {
                    json.WriteString("sandbox", device.Sandbox);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("ips");
            foreach (var address in Addresses)
            {
                json.WriteStartObject();
                if (isBefore1)
                {
                    json.WriteString("version", address.Address.IsIPv4 ? "4" : "6");
                }

                json.WriteNumber("interface", address.InterfaceIndex);
                json.WriteString("address", Prefix.Of(address.Address).ToString());
                if (!address.Gateway.IsNone)
                {
                    json.WriteString("gateway", address.Gateway.ToString());
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("routes");
            foreach (var route in Routes)
            {
                json.WriteStartObject();
                json.WriteString("dst", route.Destination.ToString());
                if (!route.Gateway.IsNone)
                {
                    json.WriteString("gw", route.Gateway.ToString());
                }

                WriteMtu(json, hasMtus ? route.Mtu : 0);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartObject("dns");
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    /// <summary>Reads what CHECK needs of a result: devices with their sandboxes, addresses, and routes.</summary>
    /// <exception cref="CniException">Code 6 or 7.</exception>
    public static CniResult Parse(ReadOnlyMemory<byte> input)
    {
        try
        {
            using var document = JsonDocument.Parse(input);
            var root = document.RootElement;
            var devices = new List<CniInterface>();
            var addresses = new List<CniAddress>();
            var routes = new List<CniRoute>();
            if (root.TryGetProperty("interfaces", out var interfaces) && interfaces.ValueKind == JsonValueKind.Array)
            {
                foreach (var entry in interfaces.EnumerateArray())
                {
                    devices.Add(new CniInterface(Text(entry, "name"), Text(entry, "mac"), Text(entry, "sandbox"), 0));
                }
            }

            if (root.TryGetProperty("ips", out var ips) && ips.ValueKind == JsonValueKind.Array)
            {
                foreach (var entry in ips.EnumerateArray())
                {
                    if (!IpAddr.TryParse(Text(entry, "address").Split('/')[0], out var address))
                    {
                        throw new CniException(CniErrorCode.InvalidConfiguration, $"prevResult: '{Text(entry, "address")}' is not an address");
                    }

                    var index = entry.TryGetProperty("interface", out var number) && number.TryGetInt32(out var value) ? value : -1;
                    addresses.Add(new CniAddress(address, IpAddr.TryParse(Text(entry, "gateway"), out var gateway) ? gateway : default, index));
                }
            }

            if (root.TryGetProperty("routes", out var list) && list.ValueKind == JsonValueKind.Array)
            {
                foreach (var entry in list.EnumerateArray())
                {
                    if (!Prefix.TryParse(Text(entry, "dst"), out var destination))
                    {
                        throw new CniException(CniErrorCode.InvalidConfiguration, $"prevResult: '{Text(entry, "dst")}' is not a destination");
                    }

                    routes.Add(new CniRoute(destination, IpAddr.TryParse(Text(entry, "gw"), out var gateway) ? gateway : default, 0));
                }
            }

            return new CniResult { Interfaces = devices, Addresses = addresses, Routes = routes };
        }
        catch (JsonException exception)
        {
            throw new CniException(CniErrorCode.Decoding, "prevResult is not valid JSON", exception.Message, exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new CniException(CniErrorCode.InvalidConfiguration, "prevResult has a field of the wrong kind", exception.Message, exception);
        }
    }

    private static string Text(JsonElement entry, string key) =>
        entry.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static void WriteMtu(Utf8JsonWriter json, int mtu)
    {
        if (mtu > 0)
        {
            json.WriteNumber("mtu", mtu);
        }
    }
}
