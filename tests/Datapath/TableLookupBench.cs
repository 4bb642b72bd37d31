using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;

namespace Cilium.DatapathTests;

/// <summary>Sockets in a table, and programs in this process.</summary>
internal sealed class TableLookupBench : ILookupBench
{
    private readonly BpfObject _object;
    private readonly BpfMap<uint, LookupQuestion> _questions;
    private readonly BpfMap<uint, LookupAnswer> _answers;
    private readonly BpfPacket _packet = new();
    private BpfSocketTable _table = new();
    private ulong _lastCookie;

    internal TableLookupBench(BpfEngine engine)
    {
        _object = ILookupBench.Load(engine);
        _questions = _object.Map<uint, LookupQuestion>("questions");
        _answers = _object.Map<uint, LookupAnswer>("answers");
    }

    public bool Open(TestSocket socket)
    {
        var isTcp = socket.Protocol == ProtocolType.Tcp;
        var state = socket.Remote is not null ? BpfSocketState.Established : isTcp ? BpfSocketState.Listen : BpfSocketState.Close;
        // Who was accepted begins with a priority of his own.
        Assert.True(_table.TryAdd(Make(socket.Family, socket.Local, socket.Remote, socket.Mark, socket.Priority, state)));
        return !isTcp || socket.Remote is null || _table.TryAdd(Make(socket.Remote.AddressFamily, socket.Remote, socket.Local, socket.RemoteMark, 0, state));

        BpfSocket Make(AddressFamily family, IPEndPoint local, IPEndPoint? remote, uint mark, int priority, BpfSocketState state) => new()
        {
            Family = family == AddressFamily.InterNetwork ? 2u : 10u,
            Protocol = (byte)socket.Protocol,
            LocalAddress = Number(local.Address),
            LocalPort = (ushort)local.Port,
            RemoteAddress = remote is null ? 0 : Number(remote.Address),
            RemotePort = (ushort)(remote?.Port ?? 0),
            State = state,
            BoundIfindex = (uint)socket.Device,
            IsIPv6Only = socket.IsIPv6Only,
            SharesPort = socket.SharesPort,
            Mark = mark,
            Priority = (uint)priority,
            WasAccepted = remote is not null && mark == socket.RemoteMark,
            Cookie = ++_lastCookie,
        };
    }

    public void CloseAll() => _table = new BpfSocketTable();

    public LookupAnswer Ask(string program, LookupQuestion question, int device)
    {
        _questions.Update(0, question);
        using var asked = _object.Program(program);
        if (program == "look_by_call")
        {
            using var address = new BpfSocketAddress { Family = 2, Protocol = 17, Type = 2, Sockets = _table };
            Assert.Equal(1, asked.Run(address));
        }
        else
        {
            _packet.Load(new byte[64]);
            _packet.Ifindex = _packet.IngressIfindex = (uint)device;
            _packet.Sockets = _table;
            Assert.Equal(1, asked.Run(_packet));
        }
        Assert.True(_answers.TryLookup(0, out var answer));
        return answer;
    }

    public void Dispose()
    {
        _packet.Dispose();
        _questions.Dispose();
        _answers.Dispose();
        _object.Dispose();
    }

    private static UInt128 Number(IPAddress address) =>
        address.Equals(IPAddress.Any) ? 0 : BinaryPrimitives.ReadUInt128BigEndian(address.MapToIPv6().GetAddressBytes());
}
