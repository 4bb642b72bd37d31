using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;

namespace Cilium.Hubble.Flows;

/// <summary>Derives flows of socket translation events, which have no packet: the address in them is the other end, the caller is known by its network namespace.</summary>
internal static class SocketFlow
{
    private const byte PostForward = 2;
    private const byte PostReverse = 4;
    private const byte PreReverse = 3;

    public static void Fill(Proto.Flow flow, in DatapathEvent datapathEvent, HubbleSnapshot snapshot, string clusterName)
    {
        var point = datapathEvent.SubType;
        var address = datapathEvent.OriginalAddress;
        var isReverse = point is PreReverse or PostReverse;
        var remote = FlowEnds.Resolve(snapshot, address, Identity.Unknown, clusterName);
        var service = FlowEnds.Service(snapshot, address, datapathEvent.DestinationPort);
        var caller = snapshot.Namespaces.TryGetValue(datapathEvent.NetnsCookie, out var ns) ? ns.AddressOf(datapathEvent.IsIPv6) : IpAddr.None;
        var local = FlowEnds.Resolve(snapshot, caller, datapathEvent.SourceIdentity, clusterName);

        flow.Type = Proto.FlowType.Sock;
        flow.Verdict = point is PostForward or PostReverse ? Proto.Verdict.Translated : Proto.Verdict.Traced;
        flow.SockXlatePoint = (Proto.SocketTranslationPoint)point;
        flow.SocketCookie = datapathEvent.SocketCookie;
        flow.CgroupId = datapathEvent.CgroupId;
        flow.IP = new Proto.IP { IpVersion = datapathEvent.IsIPv6 ? Proto.IPVersion.Ipv6 : Proto.IPVersion.Ipv4 };
        flow.L4 = Layer4(datapathEvent, isReverse);
        if (isReverse)
        {
            flow.IP.Source = address.ToString();
            flow.IP.Destination = Text(caller);
            (flow.Source, flow.Destination, flow.SourceService) = (remote, local, service);
        }
        else
        {
            flow.IP.Source = Text(caller);
            flow.IP.Destination = address.ToString();
            (flow.Source, flow.Destination, flow.DestinationService) = (local, remote, service);
        }

#pragma warning disable CS0612 // Deprecated, but what the tools print.
        flow.Summary = datapathEvent.Protocol switch { L4Protocol.Tcp => "TCP", L4Protocol.Udp => "UDP", _ => "Unknown" };
#pragma warning restore CS0612
    }

    private static string Text(IpAddr address) => address.IsNone ? "" : address.ToString();

    private static Proto.Layer4? Layer4(in DatapathEvent datapathEvent, bool isReverse)
    {
        uint port = datapathEvent.DestinationPort;
        var (source, destination) = isReverse ? (port, 0u) : (0u, port);
        return datapathEvent.Protocol switch
        {
            L4Protocol.Tcp => new Proto.Layer4 { TCP = new Proto.TCP { SourcePort = source, DestinationPort = destination } },
            L4Protocol.Udp => new Proto.Layer4 { UDP = new Proto.UDP { SourcePort = source, DestinationPort = destination } },
            _ => null,
        };
    }
}
