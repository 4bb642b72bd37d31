using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Flows;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Packets;

namespace Cilium.Hubble.Tests;

/// <summary>A node with a client (endpoint 10) and a web server (endpoint 20), its clock, and its observer.</summary>
internal sealed class Scene
{
    public const string Client = "10.0.0.1";
    public const string Server = "10.0.0.2";
    public const string Health = "10.0.0.3";
    public const string Node = "172.18.0.2";
    public const ulong NodeCookie = 4711;

    public Scene(int capacity = 4095)
    {
        var options = new HubbleOptions { EventBufferCapacity = capacity, ClusterName = "kind", NodeName = "worker", SocketPath = "", Version = "cilium v1" };
        Observer = new FlowObserver(options, Index, Time);
        Index.Update(builder =>
        {
            builder.Endpoints[IpAddr.Parse(Client)] = new HubbleEndpoint
            {
                Id = new EndpointId(10),
                Identity = new Identity(34512),
                Namespace = "default",
                PodName = "client",
                Workloads = [new HubbleWorkload("client", "Deployment")],
            };
            builder.Endpoints[IpAddr.Parse(Server)] = new HubbleEndpoint
            {
                Id = new EndpointId(20),
                Identity = new Identity(21001),
                Namespace = "default",
                PodName = "web-0",
            };
            builder.SetLabels(new Identity(34512), LabelSet.Parse("k8s:app=client", "k8s:io.kubernetes.pod.namespace=default"));
            builder.SetLabels(new Identity(21001), LabelSet.Parse("k8s:app=web", "k8s:io.kubernetes.pod.namespace=default"));
            builder.Services[(IpAddr.Parse("10.96.0.10"), 80)] = new HubbleService("default", "web");
            builder.SetIdentity(Prefix.Parse("0.0.0.0/0"), Identity.World);
            builder.Interfaces[7] = "lxcweb";
            builder.NodeLabels = ["zone=a"];
            builder.Endpoints[IpAddr.Parse(Health)] = new HubbleEndpoint { Id = new EndpointId(30), Identity = new Identity(4) };
            builder.Namespaces[NodeCookie] = new HubbleNamespace(IpAddr.Parse(Node), IpAddr.None);
            builder.SetIdentity(Prefix.Parse(Node + "/32"), Identity.Host);
        });
    }

    public ManualTime Time { get; } = new(new DateTimeOffset(2024, 1, 2, 15, 4, 5, 123, TimeSpan.Zero));

    public HubbleIndex Index { get; } = new();

    public FlowObserver Observer { get; }

    public FlowRing Ring => Observer.Ring;

    public DatapathEvent Trace(byte point = 0, byte reason = 0, ushort source = 20) => new()
    {
        Type = DatapathEventType.Trace,
        SubType = point,
        TraceReason = reason,
        MonotonicNs = FlowClock.MonotonicNs(Time),
        Source = new EndpointId(source),
        SourceIdentity = new Identity(34512),
        DestinationIdentity = new Identity(21001),
        InterfaceIndex = 7,
    };

    public DatapathEvent Drop(byte reason) => Trace() with { Type = DatapathEventType.Drop, SubType = reason, Line = 1200, File = 2 };

    public DatapathEvent Verdict(int verdict, byte matchType) => Trace() with
    {
        Type = DatapathEventType.PolicyVerdict,
        SubType = 0,
        Verdict = verdict,
        MatchType = matchType,
        Direction = TrafficDirection.Ingress,
        DestinationPort = 80,
        Protocol = L4Protocol.Tcp,
    };

    public void Record(DatapathEvent datapathEvent, byte[]? packet = null) => Ring.OnEvent(datapathEvent, packet ?? Syn());

    public static byte[] Syn(ushort sourcePort = 40312) => PacketBytes.Tcp(Client, sourcePort, Server, 80, TcpFlags.Syn);

    public async Task<List<Proto.GetFlowsResponse>> Get(Proto.GetFlowsRequest? request = null)
    {
        var responses = new List<Proto.GetFlowsResponse>();
        await foreach (var response in Observer.GetFlowsAsync(request ?? new Proto.GetFlowsRequest(), CancellationToken.None))
        {
            responses.Add(response);
        }

        return responses;
    }

    public async Task<Proto.Flow> Only(DatapathEvent datapathEvent, byte[]? packet = null)
    {
        Record(datapathEvent, packet);
        return (await Get(new Proto.GetFlowsRequest { Number = 1 })).Single().Flow;
    }
}
