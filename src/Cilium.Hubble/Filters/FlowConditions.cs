using Google.Protobuf.Collections;

namespace Cilium.Hubble.Filters;

/// <summary>Turns one filter into the conditions that a flow must all meet: one for each field that has values.</summary>
internal static class FlowConditions
{
    public static Func<Proto.Flow, bool>[] Compile(Proto.FlowFilter filter)
    {
        var conditions = new List<Func<Proto.Flow, bool>>();
        if (filter.Experimental?.CelExpression.Count > 0)
        {
            throw new FlowFilterException("experimental.cel_expression", "CEL expressions are not supported");
        }

        AddEnds(conditions, filter);
        AddEvents(conditions, filter);
        AddTransport(conditions, filter);
        HttpConditions.Add(conditions, filter);
        return [.. conditions];
    }

    /// <summary>Adds the condition that one of the field's values matches, unless the field is empty.</summary>
    internal static void Add<T>(
        List<Func<Proto.Flow, bool>> conditions, RepeatedField<T> values, Func<T, Func<Proto.Flow, bool>> compile)
    {
        if (values.Count == 0)
        {
            return;
        }

        var any = values.Select(compile).ToArray();
        conditions.Add(any.Length == 1 ? any[0] : flow => Array.Exists(any, one => one(flow)));
    }

    private static void AddEnds(List<Func<Proto.Flow, bool>> conditions, Proto.FlowFilter filter)
    {
        Add(conditions, filter.SourceIp, value => Matching(AddressPattern.Compile("source_ip", value), flow => flow.IP?.Source));
        Add(conditions, filter.DestinationIp, value => Matching(AddressPattern.Compile("destination_ip", value), flow => flow.IP?.Destination));
        Add(conditions, filter.SourceIpXlated, value => Matching(AddressPattern.Compile("source_ip_xlated", value), flow => flow.IP?.SourceXlated));
        Add(conditions, filter.SourcePod, value => NamePattern.Pod(value, flow => flow.Source));
        Add(conditions, filter.DestinationPod, value => NamePattern.Pod(value, flow => flow.Destination));
        Add(conditions, filter.SourceService, value => NamePattern.Service(value, flow => flow.SourceService));
        Add(conditions, filter.DestinationService, value => NamePattern.Service(value, flow => flow.DestinationService));
        Add(conditions, filter.SourceWorkload, value => NamePattern.Workload(value, flow => flow.Source));
        Add(conditions, filter.DestinationWorkload, value => NamePattern.Workload(value, flow => flow.Destination));
        Add(conditions, filter.SourceLabel, value => LabelSelector.Condition("source_label", value, flow => flow.Source?.Labels));
        Add(conditions, filter.DestinationLabel, value => LabelSelector.Condition("destination_label", value, flow => flow.Destination?.Labels));
        Add(conditions, filter.NodeLabels, value => LabelSelector.Condition("node_labels", value, flow => flow.NodeLabels));
        Add<uint>(conditions, filter.SourceIdentity, value => flow => flow.Source?.Identity == value);
        Add<uint>(conditions, filter.DestinationIdentity, value => flow => flow.Destination?.Identity == value);
        Add(conditions, filter.SourceFqdn, value => NamePattern.Fqdn(value, flow => flow.SourceNames));
        Add(conditions, filter.DestinationFqdn, value => NamePattern.Fqdn(value, flow => flow.DestinationNames));
        Add(conditions, filter.SourceClusterName, value => NamePattern.Cluster(value, flow => flow.Source));
        Add(conditions, filter.DestinationClusterName, value => NamePattern.Cluster(value, flow => flow.Destination));
        Add(conditions, filter.NodeName, NamePattern.Node);
    }

    private static void AddEvents(List<Func<Proto.Flow, bool>> conditions, Proto.FlowFilter filter)
    {
        Add(conditions, filter.Verdict, value => flow => flow.Verdict == value);
        Add(conditions, filter.DropReasonDesc, value => flow => flow.DropReasonDesc == value);
        Add(conditions, filter.EventType, EventType);
        // What is dropped counts as no reply, also where that is not known: interfaces ask for both sides of a connection by this.
        Add<bool>(conditions, filter.Reply, value => flow => (flow.IsReply ?? (flow.Verdict == Proto.Verdict.Dropped ? false : null)) == value);
        Add(conditions, filter.TrafficDirection, value => flow => flow.TrafficDirection == value);
        Add<string>(conditions, filter.Uuid, value => flow => flow.Uuid == value);
        Add<string>(conditions, filter.TraceId, value => flow => flow.TraceContext?.Parent?.TraceId == value);
        Add<ulong>(conditions, filter.IpTraceId, value => flow => flow.IpTraceId?.TraceId == value);
        Add<bool>(conditions, filter.Encrypted, value => flow => flow.IP is { } ip && ip.Encrypted == value);
        Add(conditions, filter.Interface, value => flow => flow.Interface is { } device
            && (value.Index == 0 || value.Index == device.Index) && (value.Name.Length == 0 || value.Name == device.Name));
    }

    private static void AddTransport(List<Func<Proto.Flow, bool>> conditions, Proto.FlowFilter filter)
    {
        Add(conditions, filter.Protocol, Protocol);
        Add(conditions, filter.SourcePort, value => Port("source_port", value, SourcePort));
        Add(conditions, filter.DestinationPort, value => Port("destination_port", value, DestinationPort));
        Add(conditions, filter.IpVersion, value => flow => (flow.IP?.IpVersion ?? Proto.IPVersion.IpNotUsed) == value);
        Add(conditions, filter.TcpFlags, value => flow => flow.L4?.TCP?.Flags is { } flags && HasFlags(flags, value));
    }

    private static Func<Proto.Flow, bool> Matching(Func<string, bool> pattern, Func<Proto.Flow, string?> field) =>
        flow => field(flow) is { Length: > 0 } text && pattern(text);

    private static Func<Proto.Flow, bool> EventType(Proto.EventTypeFilter value) => flow =>
        flow.EventType is { } type && (value.Type == 0 || type.Type == value.Type) && (!value.MatchSubType || type.SubType == value.SubType);

    private static Func<Proto.Flow, bool> Protocol(string value)
    {
        var L4 = Proto.Layer4.ProtocolOneofCase.None;
        switch (value.ToLowerInvariant())
        {
            case "tcp": L4 = Proto.Layer4.ProtocolOneofCase.TCP; break;
            case "udp": L4 = Proto.Layer4.ProtocolOneofCase.UDP; break;
            case "sctp": L4 = Proto.Layer4.ProtocolOneofCase.SCTP; break;
            case "icmpv4": L4 = Proto.Layer4.ProtocolOneofCase.ICMPv4; break;
            case "icmpv6": L4 = Proto.Layer4.ProtocolOneofCase.ICMPv6; break;
            case "vrrp": L4 = Proto.Layer4.ProtocolOneofCase.VRRP; break;
            case "igmp": L4 = Proto.Layer4.ProtocolOneofCase.IGMP; break;
            case "icmp":
                return flow => flow.L4?.ProtocolCase is Proto.Layer4.ProtocolOneofCase.ICMPv4 or Proto.Layer4.ProtocolOneofCase.ICMPv6;
            case "http": return flow => flow.L7?.RecordCase == Proto.Layer7.RecordOneofCase.Http;
            case "dns": return flow => flow.L7?.RecordCase == Proto.Layer7.RecordOneofCase.Dns;
            case "kafka": return flow => flow.L7?.RecordCase == Proto.Layer7.RecordOneofCase.Kafka;
            default: throw new FlowFilterException("protocol", $"unknown protocol '{value}'");
        }

        return flow => flow.L4?.ProtocolCase == L4;
    }

    private static Func<Proto.Flow, bool> Port(string field, string value, Func<Proto.Flow, uint?> port) =>
        ushort.TryParse(value, out var wanted)
            ? flow => port(flow) == wanted
            : throw new FlowFilterException(field, $"'{value}' is no port from 0 to 65535");

    private static uint? SourcePort(Proto.Flow flow) =>
        flow.L4?.TCP?.SourcePort ?? flow.L4?.UDP?.SourcePort ?? flow.L4?.SCTP?.SourcePort;

    private static uint? DestinationPort(Proto.Flow flow) =>
        flow.L4?.TCP?.DestinationPort ?? flow.L4?.UDP?.DestinationPort ?? flow.L4?.SCTP?.DestinationPort;

    private static bool HasFlags(Proto.TCPFlags flags, Proto.TCPFlags wanted) =>
        (!wanted.FIN || flags.FIN) && (!wanted.SYN || flags.SYN) && (!wanted.RST || flags.RST) && (!wanted.PSH || flags.PSH)
        && (!wanted.ACK || flags.ACK) && (!wanted.URG || flags.URG) && (!wanted.ECE || flags.ECE) && (!wanted.CWR || flags.CWR)
        && (!wanted.NS || flags.NS);
}
