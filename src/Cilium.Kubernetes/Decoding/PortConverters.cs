using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Cilium.Kubernetes.Decoding;

/// <summary>The ports of a service; those without a valid number are left out.</summary>
internal sealed class ServicePortsConverter : RowListConverter<ServicePort>
{
    protected override bool TryRead(ref Utf8JsonReader reader, out ServicePort row)
    {
        var port = PortMembers.Read(ref reader);
        var isPort = Fields.TryPort(port.Port, out var number);
        Fields.TryPort(port.NodePort, out var nodePort);
        var target = port.TargetPort is "" or "0" ? number.ToString(CultureInfo.InvariantCulture) : port.TargetPort;
        row = new ServicePort(port.Name, Fields.Protocol(port.Protocol), number, target, nodePort);
        return isPort;
    }
}

/// <summary>The ports of a slice; those without a valid number are left out.</summary>
internal sealed class EndpointPortsConverter : RowListConverter<EndpointPort>
{
    protected override bool TryRead(ref Utf8JsonReader reader, out EndpointPort row)
    {
        var port = PortMembers.Read(ref reader);
        var isPort = Fields.TryPort(port.Port, out var number);
        row = new EndpointPort(port.Name, Fields.Protocol(port.Protocol), number);
        return isPort;
    }
}

/// <summary>A port as services and slices write it; texts that are missing are empty.</summary>
internal readonly record struct PortMembers(string Name, string Protocol, int? Port, string TargetPort, int? NodePort)
{
    /// <summary>Reads the object that the reader is at; null is a port without members.</summary>
    public static PortMembers Read(ref Utf8JsonReader reader)
    {
        var port = new PortMembers("", "", null, "", null);
        if (!MemberReader.IsObject(ref reader))
        {
            return port;
        }

        while (MemberReader.Next(ref reader))
        {
            if (reader.ValueTextEquals("name"u8))
            {
                port = port with { Name = MemberReader.Text(ref reader) };
            }
            else if (reader.ValueTextEquals("protocol"u8))
            {
                port = port with { Protocol = MemberReader.Text(ref reader) };
            }
            else if (reader.ValueTextEquals("port"u8))
            {
                port = port with { Port = MemberReader.Number(ref reader) };
            }
            else if (reader.ValueTextEquals("targetPort"u8))
            {
                port = port with { TargetPort = MemberReader.Value(ref reader, Target) };
            }
            else if (reader.ValueTextEquals("nodePort"u8))
            {
                port = port with { NodePort = MemberReader.Number(ref reader) };
            }
            else
            {
                MemberReader.Skip(ref reader);
            }
        }

        return port;
    }

    // A number or a name.
    private static string Target(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return RepeatedTexts.Read(ref reader);
            case JsonTokenType.Number:
                return Encoding.UTF8.GetString(reader.ValueSpan);
            default:
                reader.Skip();
                return "";
        }
    }
}
