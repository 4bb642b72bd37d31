using Cilium.Api;
using Cilium.Netlink;

namespace Cilium.Hosts.Cni.Agent;

/// <summary>
/// The plugin's connection to the agent: a socket of the kernel's and nothing else. It connects when it first sends, as patiently as it is to be
/// then: a hung agent does not accept connections.
/// </summary>
internal sealed class KernelConnection(string path) : IAgentConnection
{
    private UnixStream? _stream;
    private TimeSpan _patience = TimeSpan.MaxValue;

    public TimeSpan Patience
    {
        set
        {
            _patience = value;
            if (_stream is not null)
            {
                _stream.Patience = value;
            }
        }
    }

    public bool IsQuiet => _stream is { IsQuiet: true };

    public void Send(ReadOnlySpan<byte> bytes) => (_stream ??= UnixStream.Connect(path, _patience)).Send(bytes);

    public int Receive(Span<byte> buffer) => (_stream ?? throw new InvalidOperationException("nothing was asked")).Receive(buffer);

    public void Dispose() => _stream?.Dispose();
}
