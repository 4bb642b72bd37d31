using System.Buffers.Binary;
using System.Net;
using Cilium.Bpf.InProcess;

namespace Cilium.DatapathTests;

/// <summary>Sockets in a table, and the programs of a node in this process.</summary>
internal sealed class TableNodeSockets(Node node) : INodeSockets
{
    private readonly BpfSocketTable _table = new();
    private readonly BpfPacket _packet = new();
    private ulong _lastCookie;

    public void Connect(string local, ushort localPort, string remote, ushort remotePort) =>
        Add(Frame.Tcp, local, localPort, remote, remotePort, BpfSocketState.Established);

    public void Bind(byte protocol, string local, ushort port) =>
        Add(protocol, local, port, null, 0, protocol == Frame.Tcp ? BpfSocketState.Listen : BpfSocketState.Close);

    public Outcome Run(string program, byte[] packet)
    {
        _packet.Load(packet);
        _packet.Sockets = _table;
        return node.Bench.Run(program, _packet);
    }

    public void Dispose() => _packet.Dispose();

    private void Add(byte protocol, string local, ushort localPort, string? remote, ushort remotePort, BpfSocketState state) =>
        Assert.True(_table.TryAdd(new BpfSocket
        {
            Family = node.Family == 4 ? 2u : 10u,
            Protocol = protocol,
            LocalAddress = Number(local),
            LocalPort = localPort,
            RemoteAddress = remote is null ? 0 : Number(remote),
            RemotePort = remotePort,
            State = state,
            Cookie = ++_lastCookie,
        }));

    private static UInt128 Number(string address) => BinaryPrimitives.ReadUInt128BigEndian(IPAddress.Parse(address).MapToIPv6().GetAddressBytes());
}
