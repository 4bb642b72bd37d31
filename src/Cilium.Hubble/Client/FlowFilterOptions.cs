using System.Globalization;
using Cilium.Core;
using Cilium.Hubble.Filters;
using Cilium.Hubble.Names;
using Cilium.Hubble.Printing;
using FilterPair = Cilium.Hubble.Client.FlowFilterArguments.FilterPair;

namespace Cilium.Hubble.Client;

/// <summary>What each filter option of the command line does to a filter.</summary>
public static class FlowFilterOptions
{
    private static readonly Dictionary<string, Action<FilterPair, string>> Actions = new(StringComparer.Ordinal)
    {
        ["pod"] = (pair, value) => Either(pair, filter => filter.SourcePod.Add(value), filter => filter.DestinationPod.Add(value)),
        ["from-pod"] = (pair, value) => pair.Both(filter => filter.SourcePod.Add(value)),
        ["to-pod"] = (pair, value) => pair.Both(filter => filter.DestinationPod.Add(value)),
        ["ip"] = (pair, value) => Either(pair, filter => filter.SourceIp.Add(value), filter => filter.DestinationIp.Add(value)),
        ["from-ip"] = (pair, value) => pair.Both(filter => filter.SourceIp.Add(value)),
        ["to-ip"] = (pair, value) => pair.Both(filter => filter.DestinationIp.Add(value)),
        ["snat-ip"] = (pair, value) => pair.Both(filter => filter.SourceIpXlated.Add(value)),
        ["label"] = (pair, value) => Either(pair, filter => filter.SourceLabel.Add(value), filter => filter.DestinationLabel.Add(value)),
        ["from-label"] = (pair, value) => pair.Both(filter => filter.SourceLabel.Add(value)),
        ["to-label"] = (pair, value) => pair.Both(filter => filter.DestinationLabel.Add(value)),
        ["namespace"] = (pair, value) => pair.Namespaces.Add(value),
        ["from-namespace"] = (pair, value) => pair.SourceNamespaces.Add(value),
        ["to-namespace"] = (pair, value) => pair.DestinationNamespaces.Add(value),
        ["all-namespaces"] = (pair, _) => pair.Namespaces.Add(""),
        ["from-all-namespaces"] = (pair, _) => pair.SourceNamespaces.Add(""),
        ["to-all-namespaces"] = (pair, _) => pair.DestinationNamespaces.Add(""),
        ["service"] = (pair, value) => Either(pair, filter => filter.SourceService.Add(value), filter => filter.DestinationService.Add(value)),
        ["from-service"] = (pair, value) => pair.Both(filter => filter.SourceService.Add(value)),
        ["to-service"] = (pair, value) => pair.Both(filter => filter.DestinationService.Add(value)),
        ["fqdn"] = (pair, value) => Either(pair, filter => filter.SourceFqdn.Add(value), filter => filter.DestinationFqdn.Add(value)),
        ["from-fqdn"] = (pair, value) => pair.Both(filter => filter.SourceFqdn.Add(value)),
        ["to-fqdn"] = (pair, value) => pair.Both(filter => filter.DestinationFqdn.Add(value)),
        ["port"] = (pair, value) => Either(pair, filter => filter.SourcePort.Add(value), filter => filter.DestinationPort.Add(value)),
        ["from-port"] = (pair, value) => pair.Both(filter => filter.SourcePort.Add(value)),
        ["to-port"] = (pair, value) => pair.Both(filter => filter.DestinationPort.Add(value)),
        ["identity"] = (pair, value) => Either(
            pair, filter => filter.SourceIdentity.Add(IdentityOf(value)), filter => filter.DestinationIdentity.Add(IdentityOf(value))),
        ["from-identity"] = (pair, value) => pair.Both(filter => filter.SourceIdentity.Add(IdentityOf(value))),
        ["to-identity"] = (pair, value) => pair.Both(filter => filter.DestinationIdentity.Add(IdentityOf(value))),
        ["workload"] = (pair, value) => Either(
            pair, filter => filter.SourceWorkload.Add(WorkloadOf(value)), filter => filter.DestinationWorkload.Add(WorkloadOf(value))),
        ["from-workload"] = (pair, value) => pair.Both(filter => filter.SourceWorkload.Add(WorkloadOf(value))),
        ["to-workload"] = (pair, value) => pair.Both(filter => filter.DestinationWorkload.Add(WorkloadOf(value))),
        ["cluster"] = (pair, value) => Either(pair, filter => filter.SourceClusterName.Add(value), filter => filter.DestinationClusterName.Add(value)),
        ["from-cluster"] = (pair, value) => pair.Both(filter => filter.SourceClusterName.Add(value)),
        ["to-cluster"] = (pair, value) => pair.Both(filter => filter.DestinationClusterName.Add(value)),
        ["node-name"] = (pair, value) => pair.Both(filter => filter.NodeName.Add(value)),
        ["node-label"] = (pair, value) => pair.Both(filter => filter.NodeLabels.Add(value)),
        ["protocol"] = (pair, value) => pair.Both(filter => filter.Protocol.Add(value)),
        ["tcp-flags"] = (pair, value) => pair.Both(filter => filter.TcpFlags.Add(TcpFlagsOf(value))),
        ["type"] = (pair, value) => pair.Both(filter => filter.EventType.Add(TypeOf(value))),
        ["verdict"] = (pair, value) => pair.Both(filter => filter.Verdict.Add(
            ProtoNames.TryParse(value, out Proto.Verdict verdict) ? verdict : throw Wrong("verdict", value, string.Join(", ", ProtoNames.VerdictNames)))),
        ["drop-reason-desc"] = (pair, value) => pair.Both(filter => filter.DropReasonDesc.Add(
            ProtoNames.TryParse(value, out Proto.DropReason reason) ? reason : throw Wrong("drop-reason-desc", value, "a name such as POLICY_DENIED"))),
        ["traffic-direction"] = (pair, value) => pair.Both(filter => filter.TrafficDirection.Add(DirectionOf(value))),
        ["uuid"] = (pair, value) => pair.Both(filter => filter.Uuid.Add(value)),
        ["trace-id"] = (pair, value) => pair.Both(filter => filter.TraceId.Add(value)),
        ["interface"] = (pair, value) => pair.Both(filter => filter.Interface.Add(new Proto.NetworkInterface { Name = value })),
        ["ipv4"] = (pair, _) => pair.Both(filter => filter.IpVersion.Add(Proto.IPVersion.Ipv4)),
        ["ipv6"] = (pair, _) => pair.Both(filter => filter.IpVersion.Add(Proto.IPVersion.Ipv6)),
        ["ip-version"] = (pair, value) => pair.Both(filter => filter.IpVersion.Add(IpVersionOf(value))),
        ["encrypted"] = (pair, _) => pair.Both(filter => filter.Encrypted.Add(true)),
        ["unencrypted"] = (pair, _) => pair.Both(filter => filter.Encrypted.Add(false)),
        ["http-status"] = (pair, value) => pair.Both(filter => filter.HttpStatusCode.Add(value)),
        ["http-method"] = (pair, value) => pair.Both(filter => filter.HttpMethod.Add(value)),
        ["http-path"] = (pair, value) => pair.Both(filter => filter.HttpPath.Add(value)),
        ["http-url"] = (pair, value) => pair.Both(filter => filter.HttpUrl.Add(value)),
        ["http-header"] = (pair, value) => pair.Both(filter => filter.HttpHeader.Add(HeaderOf(value))),
    };

    /// <summary>The names of all filter options, without dashes.</summary>
    public static IReadOnlyCollection<string> Names => Actions.Keys;

    /// <summary>True for options that take no value.</summary>
    public static bool IsSwitch(string name) =>
        name is "all-namespaces" or "from-all-namespaces" or "to-all-namespaces" or "ipv4" or "ipv6" or "encrypted" or "unencrypted";

    internal static void Apply(FilterPair pair, string name, string value)
    {
        if (!Actions.TryGetValue(name, out var action))
        {
            throw new FlowFilterException($"--{name}", "is no filter");
        }

        action(pair, value);
    }

    private static void Either(FilterPair pair, Action<Proto.FlowFilter> left, Action<Proto.FlowFilter> right)
    {
        left(pair.Left);
        right(pair.Right);
    }

    private static FlowFilterException Wrong(string option, string value, string expected) =>
        new($"--{option}", $"'{value}' is not {expected}");

    private static uint IdentityOf(string value)
    {
        if (uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        var name = value.StartsWith("reserved:", StringComparison.Ordinal) ? value["reserved:".Length..] : value;
        return Identity.TryParseReserved(name, out var identity) ? identity.Value : throw Wrong("identity", value, "a number or a reserved name");
    }

    private static Proto.Workload WorkloadOf(string value)
    {
        var slash = value.IndexOf('/', StringComparison.Ordinal);
        return slash < 0
            ? new Proto.Workload { Name = value }
            : new Proto.Workload { Kind = value[..slash], Name = value[(slash + 1)..] };
    }

    private static Proto.EventTypeFilter TypeOf(string value)
    {
        var colon = value.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? value : value[..colon];
        if (!EventNames.TryParseType(name, out var type) && !int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out type))
        {
            throw Wrong("type", value, $"one of {string.Join(", ", EventNames.TypeNames)}");
        }

        if (colon < 0)
        {
            return new Proto.EventTypeFilter { Type = type };
        }

        var sub = value[(colon + 1)..];
        if (!int.TryParse(sub, NumberStyles.None, CultureInfo.InvariantCulture, out var subType)
            && !(type == EventNames.Trace && EventNames.TryParseTracePoint(sub, out subType)))
        {
            if (type != EventNames.Drop || !ProtoNames.TryParse(sub, out Proto.DropReason reason))
            {
                throw Wrong("type", value, $"a known sub-type of {name}: {string.Join(", ", EventNames.TracePointNames)}");
            }

            subType = (int)reason;
        }

        return new Proto.EventTypeFilter { Type = type, MatchSubType = true, SubType = subType };
    }

    private static Proto.TrafficDirection DirectionOf(string value) => value.ToLowerInvariant() switch
    {
        "ingress" => Proto.TrafficDirection.Ingress,
        "egress" => Proto.TrafficDirection.Egress,
        _ => throw Wrong("traffic-direction", value, "ingress or egress"),
    };

    private static Proto.IPVersion IpVersionOf(string value) => value.ToLowerInvariant() switch
    {
        "4" or "v4" or "ipv4" or "ip4" => Proto.IPVersion.Ipv4,
        "6" or "v6" or "ipv6" or "ip6" => Proto.IPVersion.Ipv6,
        "none" => Proto.IPVersion.IpNotUsed,
        _ => throw Wrong("ip-version", value, "v4, v6 or none"),
    };

    private static Proto.HTTPHeader HeaderOf(string value)
    {
        var colon = value.IndexOf(':', StringComparison.Ordinal);
        return colon > 0
            ? new Proto.HTTPHeader { Key = value[..colon], Value = value[(colon + 1)..] }
            : throw Wrong("http-header", value, "name:value");
    }

    private static Proto.TCPFlags TcpFlagsOf(string value)
    {
        var flags = new Proto.TCPFlags();
        foreach (var name in value.Split(',', StringSplitOptions.TrimEntries))
        {
            switch (name.ToUpperInvariant())
            {
                case "FIN": flags.FIN = true; break;
                case "SYN": flags.SYN = true; break;
                case "RST": flags.RST = true; break;
                case "PSH": flags.PSH = true; break;
                case "ACK": flags.ACK = true; break;
                case "URG": flags.URG = true; break;
                case "ECE": flags.ECE = true; break;
                case "CWR": flags.CWR = true; break;
                case "NS": flags.NS = true; break;
                default: throw Wrong("tcp-flags", name, "a TCP flag");
            }
        }

        return flags;
    }
}
