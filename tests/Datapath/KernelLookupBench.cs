using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Cilium.Bpf;
using Cilium.Netlink;

namespace Cilium.DatapathTests;

/// <summary>Real sockets in a namespace of their own, and test runs of the kernel in it.</summary>
internal sealed class KernelLookupBench : ILookupBench
{
    private const int SolSocket = 1, SoReuseAddress = 2, SoPriority = 12, SoReusePort = 15, SoBindToDevice = 25, SoMark = 36;
    private static int s_count;

    private readonly string _name = $"cl-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";
    private readonly NetworkNamespace _namespace;
    private readonly List<Socket> _sockets = [];
    private readonly BpfObject _object = ILookupBench.Load(BpfEngine.Kernel);
    private readonly BpfMap<uint, LookupQuestion> _questions;
    private readonly BpfMap<uint, LookupAnswer> _answers;

    internal KernelLookupBench()
    {
        _namespace = NetworkNamespace.Create(_name);
        using var netlink = RouteNetlink.Open(_namespace);
        netlink.CreateVeth(new LinkSettings { Name = "two", IsUp = true }, new LinkSettings { Name = "three", IsUp = true });
        netlink.ChangeLink(1, new LinkSettings { IsUp = true });
        LoopbackAddresses.Add(_namespace, netlink, "fd00::1", "fd00::2");
        Device = netlink.FindLink("two")!.Index;
        _questions = _object.Map<uint, LookupQuestion>("questions");
        _answers = _object.Map<uint, LookupAnswer>("answers");
    }

    /// <summary>The index of the second device.</summary>
    private int Device { get; }

    public bool Open(TestSocket socket) => _namespace.Run(() =>
    {
        var before = _sockets.Count;
        try
        {
            if (socket.Protocol == ProtocolType.Tcp && socket.Remote is not null)
            {
                OpenConnection(socket, socket.Remote);
                return true;
            }
            var one = Make(socket, socket.Family, socket.Mark);
            one.Bind(socket.Local);
            if (socket.Remote is not null)
                one.Connect(socket.Remote);
            else if (socket.Protocol == ProtocolType.Tcp)
                one.Listen();
            return true;
        }
        catch (SocketException)
        {
            // What the kernel refuses, a random test leaves out.
            for (; _sockets.Count > before; _sockets.RemoveAt(before))
                _sockets[before].Dispose();
            return false;
        }
    });

    public void CloseAll()
    {
        foreach (var socket in _sockets)
        {
            // Without a rest that waits for late segments.
            if (socket.SocketType == SocketType.Stream)
                socket.LingerState = new LingerOption(true, 0);
            socket.Dispose();
        }
        _sockets.Clear();
    }

    public LookupAnswer Ask(string program, LookupQuestion question, int device) => _namespace.Run(() =>
    {
        _questions.Update(0, question);
        using var asked = _object.Program(program);
        if (program == "look_by_call")
            AskByCall(asked);
        else
            Assert.Equal(1, TestRun(asked, program == "look_early", device == 1 ? 1 : Device));
        Assert.True(_answers.TryLookup(0, out var answer));
        return answer with { Bound = answer.Bound == Device ? 2 : answer.Bound };
    });

    public void Dispose()
    {
        CloseAll();
        _questions.Dispose();
        _answers.Dispose();
        _object.Dispose();
        _namespace.Dispose();
        NetworkNamespace.Delete(_name);
    }

    private static int TestRun(BpfProgram program, bool isXdp, int device)
    {
        var context = new byte[isXdp ? 24 : 192];
        BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(isXdp ? 12 : 40), device);
        if (isXdp)
            BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(4), 64);
        return program.TestRun(new byte[64], new byte[64], context).Verdict;
    }

    private static void AskByCall(BpfProgram program)
    {
        using var group = new TestCgroup();
        using var link = BpfLink.AttachCgroup(program, group.Path, AttachType.CgroupInet4Connect);
        group.Run(() =>
        {
            using var asking = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            asking.Connect(IPAddress.Loopback, 9);
        });
    }

    /// <summary>Both ends; who listened for it goes.</summary>
    private void OpenConnection(TestSocket socket, IPEndPoint remote)
    {
        var listener = Make(socket, remote.AddressFamily, socket.RemoteMark);
        listener.Bind(remote);
        listener.Listen();
        var one = Make(socket, socket.Family, socket.Mark);
        one.Bind(socket.Local);
        one.Connect(remote.AddressFamily == socket.Family ? remote : new IPEndPoint(remote.Address.MapToIPv6(), remote.Port));
        _sockets.Add(listener.Accept());
        listener.Dispose();
        _sockets.Remove(listener);
    }

    private Socket Make(TestSocket socket, AddressFamily family, uint mark)
    {
        var made = new Socket(family, socket.Protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram, socket.Protocol);
        _sockets.Add(made);
        if (family == AddressFamily.InterNetworkV6)
            made.DualMode = !socket.IsIPv6Only;
        Set(made, SoReuseAddress, 1);
        if (socket.SharesPort)
            Set(made, SoReusePort, 1);
        Set(made, SoMark, (int)mark);
        Set(made, SoPriority, socket.Priority);
        if (socket.Device != 0)
            made.SetRawSocketOption(SolSocket, SoBindToDevice, Encoding.ASCII.GetBytes(socket.Device == 1 ? "lo\0" : "two\0"));
        return made;
    }

    private static void Set(Socket socket, int option, int value) => socket.SetRawSocketOption(SolSocket, option, BitConverter.GetBytes(value));
}
