using System.Globalization;
using Cilium.Core;
using Cilium.Hubble.Names;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;

namespace Cilium.Hubble.Printing;

/// <summary>The words of a flow: type, verdict, ends, identities, summary and time.</summary>
public static class FlowText
{
    private const string Nanoseconds = ".FFFFFFFFF";

    /// <summary>What happened to the packet: observation point, drop reason, policy match or layer 7 record.</summary>
    public static string Type(Proto.Flow flow)
    {
        ArgumentNullException.ThrowIfNull(flow);
        if (flow.L7 is { } l7)
        {
            var kind = l7.Type switch
            {
                Proto.L7FlowType.Request => "request",
                Proto.L7FlowType.Response => "response",
                Proto.L7FlowType.Sample => "sample",
                _ => "unknown_l7_type",
            };
            return l7.RecordCase switch
            {
                Proto.Layer7.RecordOneofCase.Http => $"http-{kind}",
                Proto.Layer7.RecordOneofCase.Dns => $"dns-{kind} {l7.Dns.ObservationSource}",
                Proto.Layer7.RecordOneofCase.Kafka => $"kafka-{kind}",
                _ => $"l7-{kind}",
            };
        }

        return (flow.EventType?.Type ?? 0) switch
        {
            EventNames.Trace => EventNames.TracePoint(flow.EventType!.SubType),
            EventNames.Drop => DropReasons.Text((byte)flow.EventType!.SubType),
            EventNames.PolicyVerdict => $"policy-verdict:{EventNames.MatchType((int)flow.PolicyMatchType)} {Direction(flow.TrafficDirection)}",
            EventNames.Capture => ProtoNames.Of(flow.DebugCapturePoint),
            EventNames.TraceSock => EventNames.SockPoint((int)flow.SockXlatePoint),
            _ => "UNKNOWN",
        };
    }

    /// <summary>The verdict; on policy verdicts the word of the policy.</summary>
    public static string Verdict(Proto.Flow flow)
    {
        ArgumentNullException.ThrowIfNull(flow);
        if (flow.EventType?.Type == EventNames.PolicyVerdict)
        {
            switch (flow.Verdict)
            {
                case Proto.Verdict.Forwarded or Proto.Verdict.Redirected:
                    return "ALLOWED";
                case Proto.Verdict.Dropped or Proto.Verdict.Error:
                    return "DENIED";
                case Proto.Verdict.Audit:
                    return "AUDITED";
                default:
                    break;
            }
        }

        return ProtoNames.Of(flow.Verdict);
    }

    /// <summary>The policies that decided, as <c> BY name (Kind), ...</c>; empty when none is known.</summary>
    public static string Policies(Proto.Flow flow)
    {
        ArgumentNullException.ThrowIfNull(flow);
        var policies = flow.EgressDeniedBy.Concat(flow.IngressDeniedBy).ToArray();
        if (flow.Verdict != Proto.Verdict.Dropped || policies.Length == 0)
        {
            policies = [.. flow.EgressAllowedBy, .. flow.IngressAllowedBy];
        }

        return policies.Length == 0 ? "" : $" BY {string.Join(", ", policies.Select(policy => $"{policy.Name} ({policy.Kind})"))}";
    }

    /// <summary>The source as a name or address, with its port.</summary>
    public static string Source(Proto.Flow flow, bool translate)
    {
        ArgumentNullException.ThrowIfNull(flow);
        if (flow.IP is null)
        {
            return flow.Ethernet?.Source ?? "";
        }

        return Host(flow.IP.Source, Port(flow, isSource: true), flow.Source, flow.SourceService, flow.SourceNames, translate);
    }

    /// <summary>The destination as a name or address, with its port.</summary>
    public static string Destination(Proto.Flow flow, bool translate)
    {
        ArgumentNullException.ThrowIfNull(flow);
        if (flow.IP is null)
        {
            return flow.Ethernet?.Destination ?? "";
        }

        return Host(flow.IP.Destination, Port(flow, isSource: false), flow.Destination, flow.DestinationService, flow.DestinationNames, translate);
    }

    /// <summary><c>(ID:number)</c>, or <c>(name)</c> for reserved identities.</summary>
    public static string IdentityOf(Proto.Endpoint? end)
    {
        var identity = new Identity(end?.Identity ?? 0);
        return identity.ReservedName is { } name
            ? $"({name})"
            : string.Create(CultureInfo.InvariantCulture, $"(ID:{identity.Value})");
    }

    /// <summary>The summary, with the kind of authentication if there was one.</summary>
    public static string Summary(Proto.Flow flow)
    {
        ArgumentNullException.ThrowIfNull(flow);
#pragma warning disable CS0612 // Deprecated, but what the tools print.
        var summary = flow.Summary;
#pragma warning restore CS0612
        return flow.AuthType == Proto.AuthType.Disabled ? summary : $"{summary}; Auth: {ProtoNames.Of(flow.AuthType)}";
    }

    /// <summary>A time in UTC: by format, or as <c>Jan  2 15:04:05.000</c>; <c>N/A</c> without one.</summary>
    public static string Time(Timestamp? time, string? format)
    {
        if (time is null)
        {
            return "N/A";
        }

        var value = time.ToDateTime();
        if (format is null)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{value:MMM} {value.Day,2} {value:HH:mm:ss.fff}");
        }

        // A DateTime has no nanoseconds, and no format of its own for them.
        var fraction = time.Nanos == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"'.{time.Nanos:D9}").TrimEnd('0') + "'";
        return value.ToString(format.Replace(Nanoseconds, fraction, StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }

    private static string Direction(Proto.TrafficDirection direction) => ProtoNames.Of(direction);

    private static uint Port(Proto.Flow flow, bool isSource) => flow.L4?.ProtocolCase switch
    {
        Proto.Layer4.ProtocolOneofCase.TCP => isSource ? flow.L4.TCP.SourcePort : flow.L4.TCP.DestinationPort,
        Proto.Layer4.ProtocolOneofCase.UDP => isSource ? flow.L4.UDP.SourcePort : flow.L4.UDP.DestinationPort,
        Proto.Layer4.ProtocolOneofCase.SCTP => isSource ? flow.L4.SCTP.SourcePort : flow.L4.SCTP.DestinationPort,
        _ => 0,
    };

    private static string Host(
        string address, uint port, Proto.Endpoint? end, Proto.Service? service, RepeatedField<string> names, bool translate)
    {
        var host = address;
        if (translate)
        {
            if (end?.PodName is { Length: > 0 } pod)
            {
                host = Join(end.Namespace, pod);
            }
            else if (service?.Name is { Length: > 0 } name)
            {
                host = Join(service.Namespace, name);
            }
            else if (names.Count != 0)
            {
                host = string.Join(',', names);
            }
        }

        if (port == 0)
        {
            return host;
        }

        return host.Contains(':', StringComparison.Ordinal)
            ? string.Create(CultureInfo.InvariantCulture, $"[{host}]:{port}")
            : string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");
    }

    private static string Join(string space, string name) => space.Length == 0 ? name : $"{space}/{name}";
}
