using System.Buffers.Binary;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;

namespace Cilium.DatapathTests;

/// <summary>Sockets in control groups that connect by a program of this process.</summary>
internal sealed class StorageBench : IDisposable
{
    private readonly Dictionary<string, ulong> _groups = [];
    private readonly BpfProgram _program;
    private ulong _lastId = 1UL << 40;
    private ulong _lastCookie;

    internal StorageBench()
    {
        Engine = (InProcessEngine)TestEngine.Create();
        Object = StorageTests.Load(Engine);
        _program = Object.Program("store");
    }

    internal InProcessEngine Engine { get; }

    internal BpfObject Object { get; }

    internal StorageSocket Open(string group)
    {
        if (!_groups.ContainsKey(group))
            Engine.AddCgroup(_groups[group] = ++_lastId);
        return new StorageSocket(this, ++_lastCookie, group);
    }

    /// <summary>Ends a group; the next socket in it makes another one.</summary>
    internal void RemoveGroup(string group)
    {
        if (_groups.Remove(group, out var id))
            Engine.RemoveCgroup(id);
    }

    public void Dispose()
    {
        _program.Dispose();
        Object.Dispose();
    }

    internal sealed class StorageSocket(StorageBench bench, ulong cookie, string group) : IDisposable
    {
        /// <summary>What user space calls the socket.</summary>
        internal int Key => (int)cookie;

        internal void Connect(int port)
        {
            using var address = new BpfSocketAddress
            {
                Family = 2,
                Port = BinaryPrimitives.ReverseEndianness((ushort)port),
                Protocol = 17,
                Type = 2,
                Cookie = cookie,
                CgroupId = bench._groups[group],
            };
            Assert.Equal(1, bench._program.Run(address));
        }

        public void Dispose() => bench.Engine.RemoveSocket(cookie);
    }
}
