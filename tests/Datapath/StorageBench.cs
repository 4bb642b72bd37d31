using System.Net;
using System.Net.Sockets;
using Cilium.Bpf;

namespace Cilium.DatapathTests;

/// <summary>Sockets in control groups that connect by a program of the kernel; tests/DatapathInProcess has another one for the same tests.</summary>
internal sealed class StorageBench : IDisposable
{
    private readonly TestCgroup _cgroup = new();
    private readonly BpfProgram _program;
    private readonly BpfLink _link;

    internal StorageBench()
    {
        Object = StorageTests.Load(BpfEngine.Kernel);
        _program = Object.Program("store");
        _link = BpfLink.AttachCgroup(_program, _cgroup.Path, AttachType.CgroupInet4Connect);
    }

    internal BpfObject Object { get; }

    internal StorageSocket Open(string group)
    {
        Socket? socket = null;
        _cgroup.Run(() => socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp), group);
        return new StorageSocket(this, socket!, group);
    }

    /// <summary>Ends a group; the next socket in it makes another one.</summary>
    internal void RemoveGroup(string group) => _cgroup.Remove(group);

    public void Dispose()
    {
        _link.Dispose();
        _program.Dispose();
        Object.Dispose();
        _cgroup.Dispose();
    }

    internal sealed class StorageSocket(StorageBench bench, Socket socket, string group) : IDisposable
    {
        /// <summary>What user space calls the socket.</summary>
        internal int Key => (int)socket.Handle;

        internal void Connect(int port) => bench._cgroup.Run(() => socket.Connect(IPAddress.Loopback, port), group);

        public void Dispose() => socket.Dispose();
    }
}
