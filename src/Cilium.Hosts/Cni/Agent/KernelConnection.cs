using Cilium.Api;
using Cilium.Netlink;

namespace Cilium.Hosts.Cni.Agent;

/// <summary>The plugin's connection to the agent: a socket of the kernel's and nothing else.</summary>
internal sealed class KernelConnection(string path) : IAgentConnection
{
    private readonly UnixStream _stream = UnixStream.Connect(path);

    public TimeSpan Patience
    {
        set => _stream.Patience = value;
    }

    public bool IsQuiet => _stream.IsQuiet;

    public void Send(ReadOnlySpan<byte> bytes) => _stream.Send(bytes);

    public int Receive(Span<byte> buffer) => _stream.Receive(buffer);

    public void Dispose() => _stream.Dispose();
}
