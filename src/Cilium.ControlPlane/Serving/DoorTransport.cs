using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Cilium.ControlPlane.Serving;

/// <summary>
/// The transport of a <see cref="WebServer"/>. Kestrel binds its endpoints once, at its start: it gets one for each protocol here, and each takes the
/// connections of all doors of that protocol, whenever they are opened.
/// </summary>
internal sealed class DoorTransport(SocketTransportFactory sockets) : IConnectionListenerFactory
{
    private readonly Dictionary<Entrance, DoorListener> _entrances = [];

    /// <summary>How sockets that are bound already become listeners.</summary>
    public static Socket SocketOf(EndPoint endpoint) => endpoint is BoundEndPoint bound ? bound.Socket : SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var entrance = (Entrance)endpoint;
        return ValueTask.FromResult<IConnectionListener>(_entrances[entrance] = new DoorListener(entrance));
    }

    /// <summary>Listens on a socket.</summary>
    public ValueTask<IConnectionListener> ListenAsync(Socket bound, CancellationToken cancellationToken) => sockets.BindAsync(new BoundEndPoint(bound), cancellationToken);

    /// <summary>Where connections of a protocol go.</summary>
    public ChannelWriter<ConnectionContext> Of(Entrance entrance) => _entrances[entrance].Connections;

    /// <summary>What Kestrel is told to listen on.</summary>
    internal sealed class Entrance(string protocol) : EndPoint
    {
        public static Entrance Http1 { get; } = new("HTTP/1.1");

        public static Entrance Http2 { get; } = new("HTTP/2");

        public static Entrance Http2Tls { get; } = new("HTTP/2 over TLS");

        public override string ToString() => $"doors of {protocol}";
    }

    private sealed class BoundEndPoint(Socket socket) : EndPoint
    {
        public Socket Socket => socket;
    }

    private sealed class DoorListener(Entrance entrance) : IConnectionListener
    {
        // Few: those that wait shall wait in the kernel, which bounds them.
        private readonly Channel<ConnectionContext> _connections = Channel.CreateBounded<ConnectionContext>(16);

        public EndPoint EndPoint => entrance;

        public ChannelWriter<ConnectionContext> Connections => _connections.Writer;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (await _connections.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (_connections.Reader.TryRead(out var connection))
                {
                    return connection;
                }
            }

            return null;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _connections.Writer.TryComplete();
            return default;
        }

        public async ValueTask DisposeAsync()
        {
            _connections.Writer.TryComplete();
            while (_connections.Reader.TryRead(out var connection))
            {
                await connection.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
