using System.Text;
using Cilium.Core;
using Cilium.Datapath.Events;
using Cilium.Kubernetes;
using Cilium.Simulation.Clusters;
using Cilium.VirtualNetwork.Sockets;

namespace Cilium.Simulation.Tests;

/// <summary>Four pods on two nodes, a service in front of two of them, and events.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly Recorder _recorder = new();

    private TestCluster()
    {
    }

    internal SimulatedCluster Cluster { get; private set; } = null!;

    internal static async Task<TestCluster> StartAsync(SimulationOptions? options = null, params PolicyObjectRow[] policies)
    {
        var objects = new ClusterObjects();
        objects.Pods.AddRange([Pod("client", "a"), Pod("near", "a"), Pod("server", "b"), Pod("other", "b")]);
        objects.Services.Add(new ServiceRow
        {
            Namespace = "default",
            Name = "web",
            Ports = [new ServicePort("", L4Protocol.Tcp, 80, "http", 0), new ServicePort("dns", L4Protocol.Udp, 53, "5353", 0)],
            Selector = StringMap.Create([KeyValuePair.Create("app", "server")]),
        });
        objects.Policies.AddRange(policies);
        var cluster = new TestCluster();
        cluster.Cluster = await SimulatedCluster.StartAsync(objects, options ?? new SimulationOptions(), _ => [cluster._recorder], null, CancellationToken.None)
            .WaitAsync(TimeSpan.FromSeconds(60));
        return cluster;
    }

    internal static PolicyObjectRow Policy(PolicyObjectKind kind, string name, string spec) => new()
    {
        Key = new PolicyObjectKey(kind, kind == PolicyObjectKind.CiliumClusterwideNetworkPolicy ? "" : "default", name),
        Json = EquatableArray.Create<byte>(Encoding.UTF8.GetBytes($$"""{"metadata":{"name":"{{name}}","namespace":"default"},"spec":{{spec}}}""")),
    };

    internal SimulatedPod this[string name] => Cluster.Pods[new NamespacedName("default", name)];

    internal IpAddr AddressOf(string name, bool isIPv4 = true) => this[name].Row.PodIPs.First(address => address.IsIPv4 == isIPv4);

    /// <summary>Opens a connection and tells how it ended.</summary>
    internal TcpState Connect(string from, IpAddr to, ushort port)
    {
        using var connection = this[from].Namespace.Sockets.ConnectTcp(new(to, port));
        Cluster.Fabric.Run();
        return connection.State;
    }

    internal List<DatapathEvent> Events()
    {
        Cluster.DrainEvents();
        var events = _recorder.Events.ToList();
        _recorder.Events.Clear();
        return events;
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    private static PodRow Pod(string name, string node) => new()
    {
        Namespace = "default",
        Name = name,
        Uid = name,
        NodeName = node,
        Labels = StringMap.Create([KeyValuePair.Create("app", name)]),
        ServiceAccount = "default",
        Ports = name == "server" ? [new ContainerPort("http", 8080, L4Protocol.Tcp)] : [],
    };

    private sealed class Recorder : IDatapathEventSink
    {
        internal List<DatapathEvent> Events { get; } = [];

        public void OnEvent(in DatapathEvent datapathEvent, ReadOnlySpan<byte> packet) => Events.Add(datapathEvent);

        public void OnLost(ulong count) => Assert.Fail($"{count} events were lost");
    }
}
