using System.CommandLine;
using Cilium.Hubble.Proto.Peers;

namespace Cilium.Hosts.Hubble;

/// <summary><c>hubble watch peers</c>: the peers of a server and their changes.</summary>
internal static class WatchCommand
{
    public static Command Create(ServerOptions server)
    {
        var peers = new Command("peers", "Watch for Hubble peers updates");
        peers.SetAction((arguments, cancellationToken) => CommandErrors.RunConnected(arguments, server, async connection =>
        {
            using var call = new Peer.PeerClient(connection.Channel).Notify(new NotifyRequest(), cancellationToken: cancellationToken);
            var writer = arguments.InvocationConfiguration.Output;
            while (await call.ResponseStream.MoveNext(cancellationToken))
            {
                var change = call.ResponseStream.Current;
                var type = change.Type switch
                {
                    ChangeNotificationType.PeerAdded => "PEER_ADDED",
                    ChangeNotificationType.PeerDeleted => "PEER_DELETED",
                    ChangeNotificationType.PeerUpdated => "PEER_UPDATED",
                    _ => "UNKNOWN",
                };
                var tls = change.Tls is null ? "" : $" (TLS.ServerName: {change.Tls.ServerName})";
                writer.WriteLine($"{type,-12} {change.Address} {change.Name}{tls}");
                await writer.FlushAsync(cancellationToken);
            }
        }, cancellationToken));
        return new Command("watch", "Watch Hubble objects") { peers };
    }
}
