using Cilium.Hubble.Client;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cilium.Hosts.Hubble;

/// <summary>An open channel, and the words for what goes wrong on it.</summary>
internal sealed record ServerConnection(HubbleAddress Address, GrpcChannel Channel) : IDisposable
{
    public void Dispose() => Channel.Dispose();

    public string Explain(RpcException error) => error.StatusCode switch
    {
        StatusCode.Unavailable => $"failed to connect to '{Address.Text}': {Reason(error)}",
        StatusCode.DeadlineExceeded => $"no answer from '{Address.Text}' in time",
        StatusCode.Unimplemented => $"the server at '{Address.Text}' does not offer this: {error.Status.Detail}",
        _ => $"{error.StatusCode}: {error.Status.Detail}",
    };

    private string Reason(RpcException error)
    {
        if (Address.SocketPath.Length != 0 && !File.Exists(Address.SocketPath))
        {
            return "there is no such socket";
        }

        var inner = error.Status.DebugException;
        while (inner?.InnerException is { } next)
        {
            inner = next;
        }

        return inner?.Message ?? error.Status.Detail;
    }
}
