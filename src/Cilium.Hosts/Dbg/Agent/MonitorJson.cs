using System.Text;
using System.Text.Json;
using Cilium.Datapath.Events;
using Cilium.Hubble.Monitor;
using Cilium.Hubble.Names;
using Cilium.Hubble.Packets;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary>Events as JSON objects, with the field names of upstream's <c>monitor -j</c>.</summary>
internal static class MonitorJson
{
    public static string Line(in MonitorMessage message, MonitorText text)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            Write(json, message, text);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void Write(Utf8JsonWriter json, in MonitorMessage message, MonitorText text)
    {
        if (message.Lost != 0)
        {
            json.WriteString("type", "lost");
            json.WriteNumber("lost", message.Lost);
            return;
        }

        var datapathEvent = message.Event;
        switch (datapathEvent.Type)
        {
            case DatapathEventType.Drop:
                json.WriteString("type", "drop");
                json.WriteString("reason", DropReasons.Text(datapathEvent.SubType, datapathEvent.ExtendedError));
                json.WriteString("File", EventNames.File(datapathEvent.File));
                json.WriteNumber("Line", datapathEvent.Line);
                break;
            case DatapathEventType.Trace:
                json.WriteString("type", "trace");
                json.WriteString("state", EventNames.TraceReason(datapathEvent.TraceReason));
                json.WriteString("observationPoint", EventNames.TracePoint(datapathEvent.SubType));
                break;
            case DatapathEventType.PolicyVerdict:
                json.WriteString("type", "policy-verdict");
                json.WriteNumber("verdict", datapathEvent.Verdict);
                json.WriteString("match", EventNames.MatchType(datapathEvent.MatchType));
                break;
            default:
                json.WriteString("type", "trace-sock");
                json.WriteString("xlatePoint", EventNames.SockPoint(datapathEvent.SubType));
                json.WriteNumber("cgroupID", datapathEvent.CgroupId);
                json.WriteNumber("sockCookie", datapathEvent.SocketCookie);
                break;
        }

        json.WriteNumber("ifindex", datapathEvent.InterfaceIndex);
        json.WriteNumber("source", datapathEvent.Source.Value);
        json.WriteNumber("bytes", datapathEvent.OriginalLength);
        json.WriteNumber("srcLabel", datapathEvent.SourceIdentity.Value);
        json.WriteNumber("dstLabel", datapathEvent.DestinationIdentity.Value);
        json.WriteNumber("dstID", datapathEvent.Destination.Value);
        json.WriteString("message", text.Line(message));
        json.WriteString("summary", MonitorText.Connection(PacketParser.Parse(message.Packet.Span, datapathEvent.IsL3Device)));
    }
}
