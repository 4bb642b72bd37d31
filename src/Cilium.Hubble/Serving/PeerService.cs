using System.Collections.Immutable;
using Cilium.Hubble.Proto.Peers;
using Grpc.Core;

namespace Cilium.Hubble.Serving;

/// <summary>The gRPC face of the <see cref="PeerDirectory"/>, service <c>peer.Peer</c>: all peers first, then each change.</summary>
public sealed class PeerService(PeerDirectory directory) : Peer.PeerBase
{
    /// <inheritdoc/>
    public override async Task Notify(NotifyRequest request, IServerStreamWriter<ChangeNotification> responseStream, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(responseStream);
        ArgumentNullException.ThrowIfNull(context);
        var seen = ImmutableSortedDictionary<string, HubblePeer>.Empty;
        while (true)
        {
            var (peers, changed) = directory.Watch();
            foreach (var notification in Difference(seen, peers))
            {
                await responseStream.WriteAsync(notification, context.CancellationToken);
            }

            seen = peers;
            await changed.WaitAsync(context.CancellationToken);
        }
    }

    private static IEnumerable<ChangeNotification> Difference(
        ImmutableSortedDictionary<string, HubblePeer> before, ImmutableSortedDictionary<string, HubblePeer> after)
    {
        foreach (var peer in before.Values.Where(peer => !after.ContainsKey(peer.Name)))
        {
            yield return Notification(peer, ChangeNotificationType.PeerDeleted);
        }

        foreach (var peer in after.Values)
        {
            if (!before.TryGetValue(peer.Name, out var old))
            {
                yield return Notification(peer, ChangeNotificationType.PeerAdded);
            }
            else if (old != peer)
            {
                yield return Notification(peer, ChangeNotificationType.PeerUpdated);
            }
        }
    }

    private static ChangeNotification Notification(HubblePeer peer, ChangeNotificationType type)
    {
        var notification = new ChangeNotification { Name = peer.Name, Address = peer.Address, Type = type };
        if (peer.TlsServerName.Length != 0)
        {
            notification.Tls = new TLS { ServerName = peer.TlsServerName };
        }

        return notification;
    }
}
