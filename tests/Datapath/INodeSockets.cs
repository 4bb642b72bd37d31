namespace Cilium.DatapathTests;

/// <summary>Sockets in the network namespace of a node, and its programs there.</summary>
internal interface INodeSockets : IDisposable
{
    /// <summary>A connection of TCP from one of the node's addresses.</summary>
    void Connect(string local, ushort localPort, string remote, ushort remotePort);

    /// <summary>Takes what comes to a port: a listener of TCP, or any datagram.</summary>
    void Bind(byte protocol, string local, ushort port);

    /// <summary>Runs a program on a packet in that namespace.</summary>
    Outcome Run(string program, byte[] packet);
}
