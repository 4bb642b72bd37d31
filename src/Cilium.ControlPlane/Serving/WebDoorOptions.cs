using System.Net;
using System.Net.Sockets;
using Cilium.Hubble.Serving;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Cilium.ControlPlane.Serving;

/// <summary>Who may come through a <see cref="WebDoor"/>, and how.</summary>
internal sealed record WebDoorOptions
{
    /// <summary>A door that anybody can reach: what strangers can hold is bounded, in number and in time.</summary>
    public static WebDoorOptions ForStrangers { get; } = new() { MaximumConnections = 256, Lifetime = TimeSpan.FromSeconds(10) };

    /// <summary>HTTP/2 (gRPC) instead of HTTP/1.1.</summary>
    public bool IsHttp2 { get; init; }

    /// <summary>TLS, with HTTP/2 only; null for plain text.</summary>
    public HubbleTls? Tls { get; init; }

    /// <summary>Connections at one time; those beyond are closed at once.</summary>
    public int MaximumConnections { get; init; } = int.MaxValue;

    /// <summary>How long a connection may last, whatever it does; with a limit each carries one request.</summary>
    public TimeSpan Lifetime { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Makes the socket, bound and not listening yet.</summary>
    public Func<EndPoint, Socket> Bind { get; init; } = SocketTransportOptions.CreateDefaultBoundListenSocket;
}
