using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Cilium.Kubernetes.Decoding;

/// <summary>The ports of a service; those without a valid number are left out.</summary>
internal sealed class ServicePortsConverter : RowListConverter<ServicePort>
{
    protected override bool TryRead(ref Utf8JsonReader reader, out ServicePort row)
    {
        row = default;
        if (!MemberReader.IsObject(ref reader))
        {
            return false;
        }

        string name = "", protocol = "", target = "";
        int? port = null, nodePort = null;
        while (MemberReader.Next(ref reader))
        {
            if (reader.ValueTextEquals("name"u8))
            {
                name = MemberReader.Text(ref reader);
            }
            else if (reader.ValueTextEquals("protocol"u8))
            {
                protocol = MemberReader.Text(ref reader);
            }
            else if (reader.ValueTextEquals("port"u8))
            {
                port = MemberReader.Number(ref reader);
            }
            else if (reader.ValueTextEquals("targetPort"u8))
            {
                target = Target(ref reader);
            }
            else if (reader.ValueTextEquals("nodePort"u8))
            {
                nodePort = MemberReader.Number(ref reader);
            }
            else
            {
                MemberReader.Skip(ref reader);
            }
        }

        if (!Fields.TryPort(port, out var number))
        {
            return false;
        }

        Fields.TryPort(nodePort, out var nodeNumber);
        var isOwn = target is "" or "0" || target == NumberText(number);
        row = new ServicePort(name, Fields.Protocol(protocol), number, isOwn ? NumberText(number) : target, nodeNumber);
        return true;
    }

    // A number or a name.
    private static string Target(ref Utf8JsonReader reader)
    {
        reader.Read();
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

    private static string NumberText(ushort number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The ports of a slice; those without a valid number are left out.</summary>
internal sealed class EndpointPortsConverter : RowListConverter<EndpointPort>
{
    protected override bool TryRead(ref Utf8JsonReader reader, out EndpointPort row)
    {
        row = default;
        if (!MemberReader.IsObject(ref reader))
        {
            return false;
        }

        string name = "", protocol = "";
        int? port = null;
        while (MemberReader.Next(ref reader))
        {
            if (reader.ValueTextEquals("name"u8))
            {
                name = MemberReader.Text(ref reader);
            }
            else if (reader.ValueTextEquals("protocol"u8))
            {
                protocol = MemberReader.Text(ref reader);
            }
            else if (reader.ValueTextEquals("port"u8))
            {
                port = MemberReader.Number(ref reader);
            }
            else
            {
                MemberReader.Skip(ref reader);
            }
        }

        var isPort = Fields.TryPort(port, out var number);
        row = new EndpointPort(name, Fields.Protocol(protocol), number);
        return isPort;
    }
}
