using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Simulation.Clusters;
using Cilium.VirtualNetwork;
using Cilium.VirtualNetwork.Sockets;

namespace Cilium.Simulation.Scale;

/// <summary>Makes TCP connections with real packets through the nodes' programs, and says what became of them and what should have.</summary>
/// <param name="cluster">The cluster, settled.</param>
/// <param name="reference">Who may reach whom.</param>
internal sealed class ConnectionTrial(SimulatedCluster cluster, NaivePolicies reference)
{
    private const int NoRouteToHost = 113;

    /// <summary>From a pod to a port of another one.</summary>
    internal (ConnectionEnd Expected, ConnectionEnd Found) ToPod(SimulatedPod from, SimulatedPod to, ushort port, bool isIPv4) =>
        (EndOf(reference.Allows(from.Row, to.Row, port)), Connect(from, AddressOf(to, isIPv4), port, [to], port, out _));

    /// <summary>From a pod to a service. Which backend is chosen is the node's to say; it must be one of them.</summary>
    internal (ConnectionEnd Expected, ConnectionEnd Found) ToService(SimulatedPod from, ServiceRow service, ushort port, bool isIPv4)
    {
        var backends = cluster.Pods.Values.Where(pod => ServiceSlices.Selects(service, pod.Row)).ToList();
        var found = Connect(from, service.ClusterIPs.First(address => address.IsIPv4 == isIPv4), port, backends, ScaleObjects.Served, out var remote);
        if (backends.Count == 0)
            return (ConnectionEnd.Refused, found);
        if (backends.Find(pod => pod.Row.PodIPs.Contains(remote.Address)) is not { } chosen || remote.Port != ScaleObjects.Served)
            return (ConnectionEnd.Established, ConnectionEnd.Astray);
        // A pod that is sent back to itself never leaves its namespace.
        return (EndOf(ReferenceEquals(chosen, from) || reference.Allows(from.Row, chosen.Row, ScaleObjects.Served)), found);
    }

    private static ConnectionEnd EndOf(bool isAllowed) => isAllowed ? ConnectionEnd.Established : ConnectionEnd.Denied;

    private static IpAddr AddressOf(SimulatedPod pod, bool isIPv4) => pod.Row.PodIPs.First(address => address.IsIPv4 == isIPv4);

    private ConnectionEnd Connect(SimulatedPod from, IpAddr to, ushort port, List<SimulatedPod> servers, ushort served, out Endpoint remote)
    {
        var listeners = servers.ConvertAll(server => server.Namespace.Sockets.Listen(served));
        try
        {
            using var connection = from.Namespace.Sockets.ConnectTcp(new Endpoint(to, port));
            cluster.Fabric.Run();
            remote = connection.Remote;
            switch (connection.State)
            {
                case TcpState.Opening:
                    return ConnectionEnd.Denied;
                case TcpState.Refused:
                    return connection.Error == NoRouteToHost ? ConnectionEnd.Refused : ConnectionEnd.Astray;
                case not TcpState.Established:
                    return ConnectionEnd.Astray;
            }
            connection.Send("?"u8);
            cluster.Fabric.Run();
            using var accepted = listeners.Select(listener => listener.TryAccept(out var one) ? one : null).FirstOrDefault(one => one is not null);
            return accepted?.Received.Length == 1 ? ConnectionEnd.Established : ConnectionEnd.Astray;
        }
        finally
        {
            foreach (var listener in listeners)
                listener.Dispose();
        }
    }
}

/// <summary>What becomes of a connection.</summary>
internal enum ConnectionEnd
{
    /// <summary>It was made, and a byte arrived.</summary>
    Established,

    /// <summary>Its first packet was dropped.</summary>
    Denied,

    /// <summary>The call fails: the service has no backends.</summary>
    Refused,

    /// <summary>Anything else: another end, a reset, a byte that got lost.</summary>
    Astray,
}
