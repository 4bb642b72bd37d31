using System.Buffers.Binary;
using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Names;
using Cilium.Hubble.Packets;
using Google.Protobuf.WellKnownTypes;

namespace Cilium.Hubble.Flows;

/// <summary>Makes Hubble's flows from recorded events: parses the packet, names the ends, derives verdict and direction.</summary>
/// <remarks>Stateless and thread-safe. Derivations follow upstream's layer 3/4 parser, so that the same packet reads the same in its tools.</remarks>
public sealed class FlowBuilder
{
    private const byte EncryptedReason = 0x80;
    private const byte ReplyReason = 2;
    private const byte UnknownReason = 5;

    private readonly FlowClock _clock;
    private readonly string _clusterName;
    private readonly string _nodeName;
    private readonly long _instance;

    /// <summary>Makes a builder for one node.</summary>
    /// <param name="clock">Dates the events.</param>
    /// <param name="clusterName">The cluster's name, <c>default</c> when it has none.</param>
    /// <param name="nodeName">The Kubernetes node name.</param>
    /// <param name="instance">A number of this run of the agent, which makes flow ids differ between runs.</param>
    public FlowBuilder(FlowClock clock, string clusterName, string nodeName, long instance)
    {
        _clock = clock;
        _clusterName = clusterName;
        _nodeName = $"{clusterName}/{nodeName}";
        _instance = instance;
    }

    /// <summary>The node as flows name it: <c>cluster/node</c>.</summary>
    public string NodeName => _nodeName;

    /// <summary>Wall-clock time of a record in nanoseconds since 1970.</summary>
    public long UnixNs(in FlowRecord record) => _clock.ToUnixNs(record.Event.MonotonicNs);

    /// <summary>The present, as events are dated.</summary>
    public long NowUnixNs() => _clock.NowUnixNs();

    /// <summary>Makes the flow of a record that is no report of losses.</summary>
    public Proto.Flow Build(in FlowRecord record, ReadOnlySpan<byte> packet)
    {
        var datapathEvent = record.Event;
        var snapshot = record.Snapshot ?? HubbleSnapshot.Empty;
        var flow = new Proto.Flow
        {
            Time = Timestamp(UnixNs(record)),
            Uuid = Uuid(record.Position),
            NodeName = _nodeName,
            EventType = new Proto.CiliumEventType { Type = (int)datapathEvent.Type, SubType = datapathEvent.SubType },
        };
        flow.NodeLabels.AddRange(snapshot.NodeLabels);
        if (datapathEvent.Type == DatapathEventType.TraceSock)
        {
            SocketFlow.Fill(flow, datapathEvent, snapshot, _clusterName);
            return flow;
        }

        flow.Type = Proto.FlowType.L3L4;
        var parsed = PacketParser.Parse(packet[..Math.Min(packet.Length, record.PacketLength)], datapathEvent.IsL3Device);
        FlowLayers.Fill(flow, parsed);
        var source = parsed.HasIp ? parsed.Source : IpAddr.None;
        if (datapathEvent.Type == DatapathEventType.Trace && flow.IP is { } ip)
        {
            ip.Encrypted = (datapathEvent.TraceReason & EncryptedReason) != 0;
            if (!datapathEvent.OriginalAddress.IsNone && datapathEvent.OriginalAddress != source)
            {
                ip.SourceXlated = ip.Source;
                source = datapathEvent.OriginalAddress;
                ip.Source = source.ToString();
            }
        }

        flow.Source = FlowEnds.Resolve(snapshot, source, datapathEvent.SourceIdentity, _clusterName);
        flow.Destination = FlowEnds.Resolve(snapshot, parsed.HasIp ? parsed.Destination : IpAddr.None, datapathEvent.DestinationIdentity, _clusterName);
        if (parsed.HasPorts)
        {
            flow.SourceService = FlowEnds.Service(snapshot, source, parsed.SourcePort);
            flow.DestinationService = FlowEnds.Service(snapshot, parsed.Destination, parsed.DestinationPort);
        }

        switch (datapathEvent.Type)
        {
            case DatapathEventType.Drop:
                FillDrop(flow, datapathEvent);
                break;
            case DatapathEventType.Trace:
                FillTrace(flow, datapathEvent, snapshot);
                break;
            case DatapathEventType.PolicyVerdict:
                FillVerdict(flow, datapathEvent);
                FlowPolicies.Fill(flow, datapathEvent, snapshot);
                break;
            default:
                break;
        }

        return flow;
    }

    /// <summary>A protobuf timestamp of nanoseconds since 1970.</summary>
    public static Timestamp Timestamp(long unixNs)
    {
        var seconds = Math.DivRem(unixNs, 1_000_000_000, out var nanos);
        return nanos < 0
            ? new Timestamp { Seconds = seconds - 1, Nanos = (int)(nanos + 1_000_000_000) }
            : new Timestamp { Seconds = seconds, Nanos = (int)nanos };
    }

    private static void FillDrop(Proto.Flow flow, in DatapathEvent datapathEvent)
    {
        flow.Verdict = Proto.Verdict.Dropped;
        SetDropReason(flow, datapathEvent.SubType);
        flow.File = new Proto.FileInfo { Name = EventNames.File(datapathEvent.File), Line = datapathEvent.Line };
        if (datapathEvent.Source.Value != 0)
        {
            flow.TrafficDirection = datapathEvent.Source.Value == flow.Source.ID ? Proto.TrafficDirection.Egress : Proto.TrafficDirection.Ingress;
        }
    }

    private static void FillTrace(Proto.Flow flow, in DatapathEvent datapathEvent, HubbleSnapshot snapshot)
    {
        flow.Verdict = Proto.Verdict.Forwarded;
        flow.TraceObservationPoint = datapathEvent.SubType == 0
            ? Proto.TraceObservationPoint.ToEndpoint
            : (Proto.TraceObservationPoint)datapathEvent.SubType;
        var reason = (byte)(datapathEvent.TraceReason & ~EncryptedReason);
        flow.TraceReason = reason switch
        {
            < UnknownReason => (Proto.TraceReason)(reason + 1),
            UnknownReason => Proto.TraceReason.Unknown,
            _ => (Proto.TraceReason)reason,
        };
        if (datapathEvent.InterfaceIndex != 0)
        {
            flow.Interface = new Proto.NetworkInterface
            {
                Index = (uint)datapathEvent.InterfaceIndex,
                Name = snapshot.InterfaceName(datapathEvent.InterfaceIndex),
            };
        }

        if (reason == UnknownReason)
        {
            return;
        }

        var isReply = reason == ReplyReason;
        SetReply(flow, isReply);
        if (datapathEvent.Source.Value != 0)
        {
            var isFromSource = datapathEvent.Source.Value == flow.Source.ID;
            flow.TrafficDirection = isFromSource != isReply ? Proto.TrafficDirection.Egress : Proto.TrafficDirection.Ingress;
        }
    }

    private static void FillVerdict(Proto.Flow flow, in DatapathEvent datapathEvent)
    {
        flow.PolicyMatchType = datapathEvent.MatchType;
        flow.TrafficDirection = datapathEvent.Direction == TrafficDirection.Ingress ? Proto.TrafficDirection.Ingress : Proto.TrafficDirection.Egress;
        switch (datapathEvent.Verdict)
        {
            case < 0:
                flow.Verdict = Proto.Verdict.Dropped;
                SetDropReason(flow, (uint)-datapathEvent.Verdict);
                break;
            case > 0:
                flow.Verdict = Proto.Verdict.Redirected;
                flow.ProxyPort = (uint)datapathEvent.Verdict;
                SetReply(flow, false);
                break;
            default:
                flow.Verdict = Proto.Verdict.Forwarded;
                SetReply(flow, false);
                break;
        }
    }

    private static void SetReply(Proto.Flow flow, bool isReply)
    {
        flow.IsReply = isReply;
#pragma warning disable CS0612 // Older clients read the deprecated twin.
        flow.Reply = isReply;
#pragma warning restore CS0612
    }

    private static void SetDropReason(Proto.Flow flow, uint reason)
    {
        flow.DropReasonDesc = (Proto.DropReason)reason;
#pragma warning disable CS0612 // Older clients read the deprecated twin.
        flow.DropReason = reason;
#pragma warning restore CS0612
    }

    private string Uuid(long position)
    {
        Span<byte> id = stackalloc byte[16];
        var high = Mix((ulong)_instance ^ Mix((ulong)position));
        BinaryPrimitives.WriteUInt64LittleEndian(id, high);
        BinaryPrimitives.WriteUInt64LittleEndian(id[8..], Mix(high + (ulong)position));
        id[6] = (byte)((id[6] & 0x0f) | 0x40);
        id[8] = (byte)((id[8] & 0x3f) | 0x80);
        return new Guid(id, bigEndian: true).ToString();
    }

    // SplitMix64's finalizer: a bijection whose output bits all depend on all input bits.
    private static ulong Mix(ulong value)
    {
        value += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }
}
